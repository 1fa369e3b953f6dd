import fc from "fast-check";
import { expect, test } from "vitest";
import { decidePosition, type PositionFacts } from "./gap.ts";

const hourMs = 3_600_000;
const metadata = { topo: "ab12cd34", ts: 1_000, miss: {} };
/** A partition of records 100–199, all of them younger than any TTL, read up to 150. */
const base: PositionFacts = {
  committed: 150n,
  metadata,
  low: 100n,
  high: 200n,
  anchor: { offset: 150n, firstAfter: 150n },
  firstWithinTtl: 100n,
  retentionMs: 168 * hourMs,
  longestHardTtlMs: hourMs,
};
const none = { committed: undefined, metadata: undefined, anchor: undefined };
const anchored = (firstAfter: bigint, offset = 150n) => ({ anchor: { offset, firstAfter } });

test.each<[string, Partial<PositionFacts>, bigint, string | undefined]>([
  ["an ordinary restart goes on at the commit", {}, 150n, undefined],
  ["everything read", { committed: 200n, ...anchored(200n, 200n) }, 200n, undefined],
  ["no offset, log from its beginning", { ...none, low: 0n, firstWithinTtl: 0n }, 0n, undefined],
  ["no offset, the record at low outlived every value", { ...none, firstWithinTtl: 101n }, 100n, undefined],
  ["no offset, the record at low is young", none, 100n, "no_offset"],
  ["no offset, empty, long retention", { ...none, low: 200n, firstWithinTtl: 200n }, 200n, undefined],
  ["no offset, empty, endless retention", { ...none, low: 200n, retentionMs: -1 }, 200n, undefined],
  ["no offset, empty, short retention", { ...none, low: 200n, retentionMs: hourMs }, 200n, "no_offset"],
  [
    "fallen out of retention, low outlived every value",
    { committed: 50n, firstWithinTtl: 120n },
    100n,
    undefined,
  ],
  ["fallen out of retention, low is young", { committed: 50n }, 100n, "out_of_retention"],
  ["fallen out of retention by one record", { committed: 99n }, 100n, "out_of_retention"],
  ["re-created: a record after ts lies below the commit", { low: 0n, ...anchored(0n) }, 0n, "recreated"],
  ["re-created: by one record", anchored(149n), 100n, "recreated"],
  ["re-created: shorter than the commit", { low: 0n, high: 40n, ...anchored(40n) }, 0n, "recreated"],
  ["re-created and empty", { low: 0n, high: 0n, ...anchored(0n) }, 0n, "recreated"],
  ["re-created is seen even if the new log reaches back to 0", { low: 0n, ...anchored(3n) }, 0n, "recreated"],
  ["re-created, and the commit went with the topic", { ...none, low: 0n, ...anchored(0n) }, 0n, "recreated"],
  ["no offset any more, of the topic that was read", { ...none, ...anchored(150n) }, 100n, "no_offset"],
  ["moved by someone within the log", { metadata: undefined, anchor: undefined }, 150n, "moved"],
  ["moved below the log", { metadata: undefined, anchor: undefined, committed: 5n }, 100n, "moved"],
  ["moved past the log", { metadata: undefined, anchor: undefined, committed: 500n }, 100n, "recreated"],
  [
    "a later version committed in a format of its own",
    { metadata: "later_format", anchor: undefined },
    150n,
    "later_format",
  ],
  [
    "in a format of its own, below the log",
    { metadata: "later_format", anchor: undefined, committed: 5n },
    100n,
    "later_format",
  ],
  ["no LogAppendTime: the check is off", { anchor: undefined }, 150n, undefined],
  [
    "re-created: the commit is of the new one, the anchor of the old",
    { low: 0n, ...anchored(0n, 90n) },
    0n,
    "recreated",
  ],
])("%s", (_, facts, position, gap) => {
  expect(decidePosition({ ...base, ...facts })).toEqual({ position, gap });
});

test("whatever is read next lies within the log, and nothing between commit and position is skipped silently", () => {
  const offset = fc.bigInt({ min: 0n, max: 300n });
  fc.assert(
    fc.property(
      fc.record({
        committed: fc.option(offset, { nil: undefined }),
        ends: fc.tuple(offset, offset),
        anchor: fc.option(fc.record({ offset, firstAfter: offset }), { nil: undefined }),
        firstWithinTtl: offset,
        ours: fc.boolean(),
      }),
      ({ committed, ends: [a, b], anchor, firstWithinTtl, ours }) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const facts = { ...base, committed, low, high, anchor, firstWithinTtl };
        const { position, gap } = decidePosition({ ...facts, metadata: ours ? metadata : undefined });
        expect(position >= low && position <= high).toBe(true);
        if (
          committed !== undefined &&
          position > committed &&
          firstWithinTtl <= low &&
          low > 0n &&
          low < high
        )
          expect(gap).toBeDefined();
      },
    ),
  );
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideCatchUp, decideRange, eventsIn, type MissedFacts, type MissedRange } from "./missed-range.ts";

const facts = (from: bigint, end: bigint, low: bigint, firstNeeded: bigint): MissedFacts => ({
  from,
  end,
  low,
  firstNeeded,
});

describe("decideRange", () => {
  it.each<[string, MissedFacts, MissedRange]>([
    ["what was missed is replayed", facts(5n, 9n, 0n, 0n), { from: 5n, end: 9n }],
    ["of a log that begins with it, all of it", facts(5n, 9n, 5n, 5n), { from: 5n, end: 9n }],
    ["what no cached value is old enough for is left out", facts(5n, 9n, 0n, 7n), { from: 7n, end: 9n }],
    ["also where the log has lost it", facts(5n, 9n, 6n, 7n), { from: 7n, end: 9n }],
    ["all of it, when all is that old", facts(5n, 9n, 0n, 12n), { from: 9n, end: 9n }],
    ["a beginning that is gone, and needed, is lost", facts(5n, 9n, 6n, 6n), "lost"],
    ["so is all of it", facts(5n, 9n, 20n, 20n), "lost"],
    ["and a mark that nothing can have missed: it is of another topic", facts(9n, 9n, 0n, 0n), "lost"],
  ])("%s", (_, given, expected) => {
    expect(decideRange(given)).toEqual(expected);
  });

  it("leaves out no record that was missed, can be read and is needed, and calls lost what is needed and gone", () => {
    const offset = fc.bigInt(0n, 30n);
    fc.assert(
      fc.property(offset, offset, offset, offset, (from, end, low, young) => {
        // The broker's answers: nothing below `low` is there to be the first of anything.
        const firstNeeded = young < low ? low : young;
        const range = decideRange(facts(from, end, low, firstNeeded));
        for (let at = from; at < end; at += 1n) {
          const isReadable = at >= low;
          if (isReadable && at >= firstNeeded)
            expect(range === "lost" || (range.from <= at && at < range.end)).toBe(true);
          // Below `low` and nothing readable is older than the TTL: it may have been needed.
          if (!isReadable && firstNeeded === low) expect(range).toBe("lost");
        }
        if (range !== "lost") {
          expect(range.from).toBeGreaterThanOrEqual(from);
          expect(range.end).toBe(end);
        }
      }),
    );
  });
});

describe("decideCatchUp", () => {
  const short: MissedRange = { from: 0n, end: 10n };
  it.each<[string, MissedRange[], { dedicated: boolean; mostEvents: number }, string]>([
    ["a short range is replayed", [short], { dedicated: true, mostEvents: 10 }, "replay"],
    ["a long one is flushed", [short, short], { dedicated: true, mostEvents: 19 }, "flush"],
    ["but not what belongs to others, too", [short, short], { dedicated: false, mostEvents: 19 }, "replay"],
    ["what can't be read is flushed", [short, "lost"], { dedicated: true, mostEvents: 99 }, "flush"],
    ["but not what belongs to others, too", ["lost"], { dedicated: false, mostEvents: 99 }, "replay"],
    ["nothing is nothing to flush for", [], { dedicated: true, mostEvents: 0 }, "replay"],
  ])("%s", (_, ranges, settings, expected) => {
    expect(decideCatchUp(ranges, settings)).toBe(expected);
  });

  it("counts what can be read", () => {
    expect(eventsIn([short, "lost", { from: 5n, end: 6n }])).toBe(11n);
  });
});

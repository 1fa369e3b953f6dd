import fc from "fast-check";
import { expect, it } from "vitest";
import { type ControlRecord, decodeControl, encodeControl } from "./control-record.ts";

const ms = fc.integer({ min: 0, max: 4_000_000_000_000 });
const pool = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const records = fc.oneof(
  fc.record({ kind: fc.constant("pause" as const), pool, sinceMs: fc.option(ms, { nil: undefined }) }),
  fc.record({ kind: fc.constant("settle" as const), pool, beforeMs: ms }),
);

function read(record: { key: string | null; value: string | null }): ControlRecord | undefined {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text));
  return decodeControl({ key: bytes(record.key), value: bytes(record.value) });
}

it("reads every word that it writes", () => {
  fc.assert(
    fc.property(records, (record) => {
      expect(read(encodeControl(record))).toEqual(record);
    }),
  );
});

it.each([
  ["no key", null, '{"pausedSinceMs":1}'],
  ["another key", "restart/profiles", "{}"],
  ["a tombstone", "pause/profiles", null],
  ["no JSON", "pause/profiles", "yes"],
  ["a time that is none", "pause/profiles", '{"pausedSinceMs":"now"}'],
  ["a word of another kind", "settle/profiles", '{"pausedSinceMs":1}'],
])("takes %s for nothing", (_, key, value) => {
  expect(read({ key, value })).toBeUndefined();
});

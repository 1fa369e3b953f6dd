import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCommitMetadata, encodeCommitMetadata } from "./offsets.ts";

const marks = fc.dictionary(
  fc.tuple(fc.domain(), fc.nat(65_535)).map(([host, port]) => `${host}:${port}`),
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  { maxKeys: 200 },
);
const metadata = fc.record({
  topo: fc.stringMatching(/^[0-9a-f]{8}$/),
  ts: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
  miss: fc.oneof(marks, fc.constant("*" as const)),
});

test("the bytes are those of the design", () => {
  expect(
    encodeCommitMetadata({ topo: "ab12cd34", ts: 1_763_840_000_000, miss: { "cache-2:11211": 12_345n } }),
  ).toBe('{"f":1,"topo":"ab12cd34","ts":1763840000000,"miss":{"cache-2:11211":"12345"}}');
});

test("metadata stays under Kafka's 4,096 bytes, and only an overflow turns marks into *", () => {
  fc.assert(
    fc.property(metadata, (value) => {
      const encoded = encodeCommitMetadata(value);
      expect(Buffer.byteLength(encoded)).toBeLessThan(4_096);
      const decoded = decodeCommitMetadata(encoded);
      if (typeof decoded === "object" && decoded.miss === "*" && value.miss !== "*")
        expect(Object.keys(value.miss).join().length).toBeGreaterThan(2_000);
      else expect(decoded).toEqual(value);
    }),
  );
});

describe("what is not ours reads as missing", () => {
  test.each([
    null,
    "",
    "null",
    "[]",
    "offset reset by hand",
    '{"topo":"ab12cd34","miss":{}}',
    '{"f":1,"topo":"ab12cd34"}',
    '{"f":1,"topo":"ab12cd34","ts":"1","miss":{}}',
    '{"f":1,"topo":"ab12cd34","ts":1,"miss":{"a:1":12}}',
    '{"f":1,"topo":"ab12cd34","ts":1,"miss":{"a:1":"-1"}}',
  ])("%s", (text) => {
    expect(decodeCommitMetadata(text)).toBeUndefined();
  });
});

const laterFields = fc.dictionary(
  fc.string({ maxLength: 20 }).filter((name) => !["f", "topo", "ts", "miss"].includes(name)),
  fc.jsonValue({ maxDepth: 2 }),
  { minKeys: 1, maxKeys: 5 },
);

test("fields that a later version added to this format are read over, and written again as they were", () => {
  fc.assert(
    fc.property(metadata, laterFields, (value, later) => {
      const written = JSON.stringify({ ...(JSON.parse(encodeCommitMetadata(value)) as object), ...later });
      const read = decodeCommitMetadata(written);
      if (read === undefined || read === "later_format") throw new Error("it was not read");
      expect(read).toMatchObject({ topo: value.topo, ts: value.ts });
      expect(read.others).toEqual(JSON.parse(JSON.stringify(later)));
      const again = encodeCommitMetadata(read);
      expect(Buffer.byteLength(again)).toBeLessThan(4_096);
      if (Buffer.byteLength(written) < 4_096) expect(JSON.parse(again)).toEqual(JSON.parse(written));
    }),
  );
});

test("an earlier version reads what this one writes: the fields of the design are where they were", () => {
  fc.assert(
    fc.property(metadata, laterFields, (value, others) => {
      const { f, topo, ts } = JSON.parse(encodeCommitMetadata({ ...value, others })) as Record<
        string,
        unknown
      >;
      expect([f, topo, ts]).toEqual([1, value.topo, value.ts]);
    }),
  );
});

test.each(['{"f":2,"topo":"ab12cd34","ts":5,"miss":{"a:1":"7"},"new":[1]}', '{"f":3}'])(
  "a later format is not guessed at, whatever it looks like: %s",
  (text) => {
    expect(decodeCommitMetadata(text)).toBe("later_format");
  },
);

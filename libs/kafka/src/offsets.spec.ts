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
      if (decoded?.miss === "*" && value.miss !== "*")
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

test("a later format with more fields is still read", () => {
  expect(decodeCommitMetadata('{"f":2,"topo":"ab12cd34","ts":5,"miss":{"a:1":"7"},"new":[1]}')).toEqual({
    topo: "ab12cd34",
    ts: 5,
    miss: { "a:1": 7n },
  });
});

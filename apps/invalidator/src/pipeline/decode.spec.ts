import { expect, test } from "vitest";
import { decodeBatch } from "./decode.ts";

test.each([
  ["an id", Buffer.from("42"), "42"],
  ["the longest id", Buffer.from("x".repeat(1_024)), "x".repeat(1_024)],
  ["an id of no ASCII", Buffer.from("ä\u001b"), "ä\u001b"],
  ["a key that is longer than an id may be, which would flood the log", Buffer.alloc(1_025, "x"), undefined],
  ["a key that is not UTF-8, which would name another entity", Buffer.from([0x34, 0xff]), undefined],
  ["an empty key", Buffer.alloc(0), undefined],
  ["no key", null, undefined],
])("of an unreadable message the key names its entity: %s", (_, key, entityId) => {
  const message = { key, value: Buffer.from("{"), timestamp: "0", attributes: 0, offset: "0", headers: {} };
  expect([...decodeBatch([message])]).toEqual([
    { message, reason: "not_json", detail: "the value is not JSON", entityId },
  ]);
});

import { createRequire } from "node:module";
import type { IHeaders } from "kafkajs";
import { expect, test } from "vitest";
import "./kafkajs-headers.ts";

const require = createRequire(import.meta.url);
const Decoder = require("kafkajs/src/protocol/decoder") as new (bytes: Buffer) => object;
const decodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0/decoder") as (
  decoder: object,
  batch: { firstOffset: string; firstTimestamp: string },
) => { headers: IHeaders };
const encodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0") as (record: object) => {
  buffer: Buffer;
};

/** The headers as kafkajs reads them of a record that it wrote. */
function readBack(headers: IHeaders): IHeaders {
  const { buffer } = encodeRecord({ key: "key", value: "value", timestamp: 0, headers });
  // The length comes first, which the decoder of the whole batch takes away.
  const varint = buffer.findIndex((byte) => byte < 0x80) + 1;
  const batch = { firstOffset: "0", firstTimestamp: "0" };
  return decodeRecord(new Decoder(buffer.subarray(varint)), batch).headers;
}

test("headers come as they were sent, whatever they are named and however often", () => {
  const headers = {
    one: Buffer.from("1"),
    twice: [Buffer.from("1"), Buffer.from("2")],
    thrice: [Buffer.from("1"), Buffer.from("2"), Buffer.from("1")],
    constructor: Buffer.from("c"),
    ["__proto__"]: Buffer.from("p"),
  };
  const read = readBack(headers);
  expect(Object.entries(read).sort()).toEqual(Object.entries(headers).sort());
  expect(readBack({})).toEqual({});
});

test("a record of very many headers is read", () => {
  // Of so many kafkajs itself would never come back.
  const headers = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`h${n}`, Buffer.from("x")]));
  expect(Object.keys(readBack(headers))).toHaveLength(50_000);
});

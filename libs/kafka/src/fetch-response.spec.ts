import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFetchResponse, type FetchedRecord } from "./fetch-response.ts";
import "./kafkajs-headers.ts";

const require = createRequire(import.meta.url);
const Decoder = require("kafkajs/src/protocol/decoder") as new (bytes: Buffer) => object;
const byKafkajs = require("kafkajs/src/protocol/requests/fetch/v11/response") as {
  decode: (bytes: Buffer) => Promise<Awaited<ReturnType<typeof decodeFetchResponse>>>;
};
const decodeMessages = require("kafkajs/src/protocol/requests/fetch/v4/decodeMessages") as (
  decoder: object,
) => Promise<FetchedRecord[]>;
const encodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0") as (record: object) => object;
const { RecordBatch: encodeBatch } = require("kafkajs/src/protocol/recordBatch/v0") as {
  RecordBatch: (batch: object) => Promise<{ buffer: Buffer }>;
};

interface Batch {
  readonly firstOffset: number;
  readonly appendTime: number | undefined;
  readonly gzip: boolean;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly records: readonly object[];
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const record = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  timestampDelta: fc.integer({ min: -1_000, max: 100_000_000 }),
  headers: fc.dictionary(
    fc.oneof(fc.constantFrom("content-type", "constructor", "é"), fc.string()),
    fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })),
    { maxKeys: 3 },
  ),
});
const batch = fc.record({
  firstOffset: fc.oneof(fc.nat(), fc.integer({ min: 2 ** 40, max: 2 ** 52 })),
  appendTime: fc.option(fc.integer({ min: 1, max: 2 ** 42 }), { nil: undefined }),
  gzip: fc.boolean(),
  transactional: fc.boolean(),
  control: fc.boolean(),
  records: fc.array(record, { minLength: 1, maxLength: 20 }),
});

/** A batch as it lies in a log: the broker has set its first offset, and where it stamps the records, when. */
async function written({ firstOffset, appendTime, gzip, transactional, control, records }: Batch) {
  const { buffer } = await encodeBatch({
    compression: gzip ? 1 : 0,
    firstTimestamp: 1_763_840_000_000,
    maxTimestamp: appendTime ?? 1_763_840_100_000,
    producerId: 7,
    transactional,
    lastOffsetDelta: records.length - 1,
    records: records.map((one, offsetDelta) => encodeRecord({ ...one, offsetDelta })),
  });
  buffer.writeBigInt64BE(BigInt(firstOffset), 0);
  const attributes = buffer.readInt16BE(21) | (appendTime === undefined ? 0 : 0x08) | (control ? 0x20 : 0);
  buffer.writeInt16BE(attributes, 21);
  return buffer;
}

function int(size: 2 | 4 | 8, value: number): Buffer {
  const field = Buffer.alloc(size);
  if (size === 8) field.writeBigInt64BE(BigInt(value));
  else field.writeIntBE(value, 0, size);
  return field;
}

/** A response of one topic; `cut` bytes of its last partition's records are left out. */
function responseOf(partitions: readonly (readonly Buffer[])[], cut = 0): Buffer {
  const encoded = partitions.map((batches, index) => {
    const records = Buffer.concat(batches);
    const sent = records.subarray(0, records.length - (index === partitions.length - 1 ? cut : 0));
    const aborted = Buffer.concat([int(4, 1), int(8, 7), int(8, 3)]);
    const offsets = [int(8, 2 ** 41), int(8, 99), int(8, 0)];
    return Buffer.concat([
      int(4, index),
      int(2, 0),
      ...offsets,
      aborted,
      int(4, -1),
      int(4, sent.length),
      sent,
    ]);
  });
  const topic = Buffer.from("profile.events.v1");
  return Buffer.concat([
    int(4, 5),
    int(2, 0),
    int(4, 0),
    int(4, 1),
    int(2, topic.length),
    topic,
    int(4, encoded.length),
    ...encoded,
  ]);
}

async function decodeOther(records: Buffer): Promise<FetchedRecord[]> {
  return await decodeMessages(new Decoder(Buffer.concat([int(4, records.length), records])));
}

/** What kafkajs's consumer looks at. */
function seen({ responses, ...rest }: Awaited<ReturnType<typeof decodeFetchResponse>>) {
  const partitions = responses.flatMap(({ topicName, partitions: all }) =>
    all.map(({ messages, ...partition }) => ({
      topicName,
      ...partition,
      messages: messages.map(({ batchContext: { producerId, inTransaction }, headers, ...message }) => ({
        ...message,
        headers: Object.entries(headers),
        batchContext: { producerId, inTransaction },
      })),
    })),
  );
  return { ...rest, partitions };
}

test("a fetch response is decoded to what kafkajs makes of it", async () => {
  const partition = fc.array(batch, { maxLength: 3 });
  const partitions = fc.array(partition, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(partitions, fc.nat(), async (all, cut) => {
      const sets = await Promise.all(all.map((one) => Promise.all(one.map(written))));
      const last = Buffer.concat(sets.at(-1) ?? []);
      const response = responseOf(sets, cut % Math.max(1, last.length - 60)); // of fewer bytes kafkajs throws
      expect(seen(await decodeFetchResponse(response, decodeOther))).toEqual(
        seen(await byKafkajs.decode(response)),
      );
    }),
  );
});

test("a record set of before Kafka 0.11 is left to kafkajs", async () => {
  const old = Buffer.concat([int(8, 0), int(4, 0), Buffer.alloc(30)]);
  const asked: Buffer[] = [];
  await decodeFetchResponse(responseOf([[old]]), (records) => {
    asked.push(records);
    return Promise.resolve([]);
  });
  expect(asked).toEqual([old]);
});

import { createHash } from "node:crypto";
import {
  createEventPublisher,
  DeadLetters,
  deadLetterTopic,
  ensureTopics,
  type EventBatch,
} from "@freshet/kafka";
import { expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { everyOffset, SpecConsumer, testKafka, withAdmin } from "./support.ts";

type Message = EventBatch["messages"][number];

/** Reads so many letters of a topic, in its order. */
async function theLetters(topic: string, count = 1): Promise<Message[]> {
  const letters: Message[] = [];
  await using reader = new SpecConsumer({
    topics: [deadLetterTopic(topic)],
    handler: (batch) => {
      letters.push(...batch.messages);
      return Promise.resolve({ done: everyOffset(batch) });
    },
  });
  return await waitFor(() => (letters.length >= count ? letters : undefined), {
    timeoutMs: 20_000,
    describe: `${count} letters of ${reader.groupId}`,
  });
}

function record(value: Buffer, headers: Record<string, Buffer> = {}) {
  return { key: Buffer.from([0xfe, 0x00]), value, headers, offset: "17", timestamp: "0", attributes: 0 };
}

const source = { partition: 0, pool: "profiles", attempt: 1 };
const reason = "not_json";

test("a parked record comes back byte for byte", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const publisher = createEventPublisher(testKafka());
  const value = Buffer.from([0xff, 0x00, 0x7b, 0x80]);
  const given = { record: record(value, { a: Buffer.from([0x9c]) }), reason };
  const kept = await new DeadLetters(publisher).park([given], { ...source, topic });
  await publisher.close();
  expect(kept).toEqual(["whole"]);
  const [letter] = await theLetters(topic);
  expect([letter?.key, letter?.value, letter?.headers?.["a"]]).toEqual([
    Buffer.from([0xfe, 0x00]),
    value,
    Buffer.from([0x9c]),
  ]);
  expect(letter?.headers?.["freshet-offset"]?.toString()).toBe("17");
});

test("a record just under the limit of its topic is parked whole, with our headers on it", async () => {
  const topic = uniqueName("topic");
  await withAdmin((admin) => ensureTopics(admin, [{ topic, partitions: 1, replicationFactor: 1 }]));
  const publisher = createEventPublisher(testKafka());
  const value = Buffer.alloc(1_048_588 - 120, "v");
  expect(await publisher.publish([{ topic, key: null, value }])).toEqual(["published"]);
  const given = { record: record(value), reason };
  expect(await new DeadLetters(publisher).park([given], { ...source, topic })).toEqual(["whole"]);
  await publisher.close();
});

test("of records parked together one that is too big even for the dead-letter topic is cut to its head, its size and its hash", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const publisher = createEventPublisher(testKafka());
  const value = Buffer.alloc(3_000_000, "v");
  const given = [Buffer.from("a"), value, Buffer.from("b")].map((each) => ({ record: record(each), reason }));
  expect(await new DeadLetters(publisher).park(given, { ...source, topic })).toEqual([
    "whole",
    "cut",
    "whole",
  ]);
  await publisher.close();
  const [, , letter] = await theLetters(topic, 3);
  if (letter === undefined) throw new Error("no letter");
  expect(letter.headers?.["freshet-size"]?.toString()).toBe("3000000");
  expect(letter.headers?.["freshet-sha256"]?.toString()).toBe(
    createHash("sha256").update(value).digest("hex"),
  );
});

test("a letter that cannot be written is an error, so that its record is not counted as done", async () => {
  const publisher = createEventPublisher(testKafka(), { timeoutMs: 1_000 });
  const given = { record: record(Buffer.from("x")), reason };
  const parking = new DeadLetters(publisher).park([given], { ...source, topic: uniqueName("none") });
  await expect(parking).rejects.toMatchObject({
    code: "KAFKA_DEAD_LETTER_FAILED",
    details: { offset: "17" },
  });
  await publisher.close();
});

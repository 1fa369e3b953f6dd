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

/** Reads the one letter of a topic. */
async function theLetter(topic: string): Promise<Message> {
  const letters: Message[] = [];
  await using reader = new SpecConsumer({
    topics: [deadLetterTopic(topic)],
    handler: (batch) => {
      letters.push(...batch.messages);
      return Promise.resolve({ done: everyOffset(batch) });
    },
  });
  const [letter] = await waitFor(() => (letters.length > 0 ? letters : undefined), {
    timeoutMs: 20_000,
    describe: `a letter of ${reader.groupId}`,
  });
  if (letter === undefined) throw new Error("no letter");
  return letter;
}

function record(value: Buffer, headers: Record<string, Buffer> = {}) {
  return { key: Buffer.from([0xfe, 0x00]), value, headers, offset: "17", timestamp: "0", attributes: 0 };
}

const context = { partition: 0, reason: "not_json", pool: "profiles", attempt: 1 };

test("a parked record comes back byte for byte", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const publisher = createEventPublisher(testKafka());
  const value = Buffer.from([0xff, 0x00, 0x7b, 0x80]);
  const kept = await new DeadLetters(publisher).park(record(value, { a: Buffer.from([0x9c]) }), {
    ...context,
    topic,
  });
  await publisher.close();
  expect(kept).toBe("whole");
  const letter = await theLetter(topic);
  expect([letter.key, letter.value, letter.headers?.["a"]]).toEqual([
    Buffer.from([0xfe, 0x00]),
    value,
    Buffer.from([0x9c]),
  ]);
  expect(letter.headers?.["freshet-offset"]?.toString()).toBe("17");
});

test("a record just under the limit of its topic is parked whole, with our headers on it", async () => {
  const topic = uniqueName("topic");
  await withAdmin((admin) => ensureTopics(admin, [{ topic, partitions: 1, replicationFactor: 1 }]));
  const publisher = createEventPublisher(testKafka());
  const value = Buffer.alloc(1_048_588 - 120, "v");
  expect(await publisher.publish([{ topic, key: null, value }])).toEqual(["published"]);
  expect(await new DeadLetters(publisher).park(record(value), { ...context, topic })).toBe("whole");
  await publisher.close();
});

test("a record that is too big even for the dead-letter topic is cut to its head, its size and its hash", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const publisher = createEventPublisher(testKafka());
  const value = Buffer.alloc(3_000_000, "v");
  expect(await new DeadLetters(publisher).park(record(value), { ...context, topic })).toBe("cut");
  await publisher.close();
  const letter = await theLetter(topic);
  expect(letter.headers?.["freshet-size"]?.toString()).toBe("3000000");
  expect(letter.headers?.["freshet-sha256"]?.toString()).toBe(
    createHash("sha256").update(value).digest("hex"),
  );
});

test("a letter that cannot be written is an error, so that its record is not counted as done", async () => {
  const publisher = createEventPublisher(testKafka(), { timeoutMs: 1_000 });
  const parking = new DeadLetters(publisher).park(record(Buffer.from("x")), {
    ...context,
    topic: uniqueName("none"),
  });
  await expect(parking).rejects.toMatchObject({
    code: "KAFKA_DEAD_LETTER_FAILED",
    details: { offset: "17" },
  });
  await publisher.close();
});

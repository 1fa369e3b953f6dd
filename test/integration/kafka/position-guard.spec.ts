import { expect, test } from "vitest";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import {
  committed,
  everyOffset,
  Gate,
  numbered,
  publish,
  publishTo,
  SpecConsumer,
  testKafka,
  withAdmin,
} from "./support.ts";

const young = { numPartitions: 1 };

/** Deletes the records below `offset`, as retention would. */
async function expire(topic: string, offset: string): Promise<void> {
  await withAdmin(async (admin) => {
    // deleteTopicRecords throws unless the topic's metadata was loaded before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
  });
}

async function recreate(topic: string, numPartitions = 1): Promise<void> {
  await withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await waitFor(async () => !(await admin.listTopics()).includes(topic), {
      describe: "the topic to be gone",
    });
    const configEntries = [{ name: "message.timestamp.type", value: "LogAppendTime" }];
    await waitFor(
      () => admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: false }),
      {
        describe: "the topic to be made again",
      },
    );
  });
}

/** A group that has read and committed `count` records and is away now. */
async function groupAt(topic: string, count: number): Promise<string> {
  await using reader = new SpecConsumer({ topics: [topic] });
  await publish(topic, numbered("old", 0, count));
  await reader.committedUpTo(topic, String(count));
  return reader.groupId;
}

test("a new group on a log that does not reach back far enough has a gap, told before it reads", async () => {
  const topic = await freshTopic(young);
  await publish(topic, numbered("v", 0, 10));
  await expire(topic, "4");
  const gate = new Gate();
  await using reader = new SpecConsumer({ topics: [topic], onGap: () => gate.opened });
  await waitFor(() => reader.assigned.length > 0, { describe: "the assignment" });
  expect(reader.consumer.partitions[0]?.phase).toBe("guarding");
  expect(reader.values).toEqual([]);
  gate.open();
  await reader.received(numbered("v", 4, 10));
  expect(reader.gaps).toEqual([
    { topic, partition: 0, reason: "no_offset", committed: undefined, position: 4n },
  ]);
});

test("a gap whose answer fails is told again, and nothing is read before", async () => {
  const topic = await freshTopic(young);
  await publish(topic, numbered("v", 0, 3));
  await expire(topic, "1");
  let calls = 0;
  await using reader = new SpecConsumer({
    topics: [topic],
    onGap: () => (++calls < 3 ? Promise.reject(new Error("flush failed")) : Promise.resolve()),
  });
  await reader.received(["v1", "v2"]);
  expect(reader.failures.map(({ step }) => step)).toEqual(["guard", "guard"]);
});

test("an offset that fell out of retention while the group was away is a gap", async () => {
  const topic = await freshTopic(young);
  const groupId = await groupAt(topic, 5);
  await publish(topic, numbered("new", 0, 10));
  await expire(topic, "8");
  await using reader = new SpecConsumer({ topics: [topic], groupId });
  await reader.received(numbered("new", 3, 10));
  expect(reader.gaps).toMatchObject([{ reason: "out_of_retention", committed: 5n, position: 8n }]);
});

test("an offset that falls out of retention under a running consumer is a gap, not a silent jump", async () => {
  const topic = await freshTopic(young);
  const gate = new Gate();
  await using reader = new SpecConsumer({
    topics: [topic],
    settings: { maxBytesPerPartition: 1_000, checkIntervalMs: 3_600_000 },
    handler: async (batch) => {
      if (reader.values.length === 0) await gate.opened;
      return { done: BigInt(batch.messages.at(-1)?.offset ?? 0) + 1n };
    },
  });
  await reader.reading(1);
  await publish(topic, ["first"]);
  await waitFor(() => reader.consumer.partitions[0]?.high === 1n, { describe: "the first batch in hand" });
  for (let n = 0; n < 5; n += 1) await publish(topic, [`${n}${"x".repeat(900)}`]);
  await expire(topic, "4");
  gate.open();
  await waitFor(() => reader.gaps.length > 0, { describe: "the gap" });
  expect(reader.gaps).toMatchObject([{ reason: "out_of_retention", position: 4n }]);
  await reader.committedUpTo(topic, "6");
});

// Kafka deletes the group's offsets together with the topic, so the commit that would show a gap is gone.
test("a topic that was re-created while the group was away is read from its beginning", async () => {
  const topic = await freshTopic(young);
  const groupId = await groupAt(topic, 5);
  await recreate(topic);
  await publish(topic, numbered("new", 0, 12));
  await using reader = new SpecConsumer({ topics: [topic], groupId });
  await reader.received(numbered("new", 0, 12));
  expect(reader.values).toEqual(numbered("new", 0, 12));
});

test("a topic that is re-created under a running consumer is noticed, and nothing of the new one is skipped", async () => {
  const topic = await freshTopic(young);
  const gate = new Gate();
  await using reader = new SpecConsumer({
    topics: [topic],
    handler: async (batch) => {
      if (batch.messages.some(({ value }) => value?.toString() === "hold")) await gate.opened;
      return { done: everyOffset(batch) };
    },
  });
  await publish(topic, numbered("old", 0, 20));
  await reader.committedUpTo(topic, "20");
  // While a batch is in hand and another waits, the partition is paused: kafkajs sees no error of the deletion.
  await publish(topic, ["hold"]);
  await waitFor(() => reader.consumer.partitions[0]?.high === 21n, { describe: "the batch in hand" });
  await publish(topic, ["waiting"]);
  await waitFor(() => reader.consumer.partitions[0]?.high === 22n, { describe: "the check to see it" });
  await recreate(topic);
  await publish(topic, numbered("new", 0, 40));
  gate.open();
  await reader.received(numbered("new", 0, 40));
  expect(reader.gaps.map(({ reason }) => reason)).toEqual(["recreated"]);
  await reader.committedUpTo(topic, "40");
});

// kafkajs gives up when it fetches from a topic that is gone: another session begins, of a group without offsets.
test("a topic that is re-created under an idle consumer is noticed, although the group's offsets went with it; a partition without a record in it has no gap later", async () => {
  const topic = await freshTopic({ numPartitions: 2 });
  const first = new SpecConsumer({ topics: [topic] });
  for (const round of ["a", "b", "c"]) await publishTo(topic, [0, 1], round);
  for (const partition of [0, 1]) await first.committedUpTo(topic, "3", partition);
  await first.compared();
  await recreate(topic, 2);
  for (const round of ["d", "e", "f", "g"]) await publishTo(topic, [0], round);
  await first.received(["d-0", "e-0", "f-0", "g-0"]);
  await first.committedUpTo(topic, "4", 0);
  await first.committedUpTo(topic, "0", 1);
  const gaps = first.gaps.map(({ reason, partition }) => `${reason} ${partition}`);
  expect(gaps.sort()).toEqual(["recreated 0", "recreated 1"]);
  await first.consumer.close();

  await using second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  await second.reading(2);
  for (const round of ["h", "i", "j", "k"]) await publishTo(topic, [1], round);
  await second.received(["h-1", "i-1", "j-1", "k-1"]);
  await second.committedUpTo(topic, "4", 1);
  expect(second.gaps).toEqual([]);
});

test("a group that someone else moved has a gap, and reads from where it was put", async () => {
  const topic = await freshTopic(young);
  const groupId = await groupAt(topic, 5);
  await publish(topic, numbered("new", 0, 5));
  await withAdmin((admin) =>
    admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: "8" }] }),
  );
  await using reader = new SpecConsumer({ topics: [topic], groupId });
  await reader.received(["new3", "new4"]);
  expect(reader.gaps).toMatchObject([{ reason: "moved", committed: 8n, position: 8n }]);
  await reader.committedUpTo(topic, "10");
  expect(reader.gaps).toHaveLength(1);
});

test("a topic without LogAppendTime is read with the check off, and says so", async () => {
  const topic = await freshTopic({ ...young, settings: { "message.timestamp.type": "CreateTime" } });
  await using reader = new SpecConsumer({ topics: [topic] });
  await publish(topic, ["a"]);
  await reader.committedUpTo(topic, "1");
  expect(reader.consumer.partitions).toMatchObject([{ recreationCheck: false }]);
  expect((await committed(reader.groupId, topic)).metadata?.ts).toBeUndefined();
});

test("transaction markers behind the last record are neither lag nor a re-created topic", async () => {
  const topic = await freshTopic(young);
  const producer = testKafka().producer({
    transactionalId: topic,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  for (const value of ["a", "b"]) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value }] });
    await transaction.commit();
  }
  const aborted = await producer.transaction();
  await aborted.send({ topic, messages: [{ value: "never" }] });
  await aborted.abort();
  await producer.disconnect();
  const first = new SpecConsumer({ topics: [topic] });
  await first.received(["a", "b"]);
  await waitFor(() => first.consumer.partitions[0]?.offsetLag === 0n, { describe: "no lag" });
  const endsAt = Date.now() + 1_500;
  await waitFor(() => Date.now() > endsAt, { describe: "two more checks" });
  await first.consumer.close();
  await using second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  await second.reading(1);
  await publish(topic, ["c"]);
  await second.received(["c"]);
  expect([...first.gaps, ...second.gaps]).toEqual([]);
  expect([first.assigned.length, second.assigned.length]).toEqual([1, 1]);
  expect([...first.values, ...second.values]).toEqual(["a", "b", "c"]);
});

test("partitions that are added later are read from their beginning", async () => {
  const topic = await freshTopic(young);
  await using reader = new SpecConsumer({ topics: [topic], settings: { metadataMaxAgeMs: 1_000 } });
  await reader.reading(1);
  await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] }));
  const values = numbered("v", 0, 30);
  for (const value of values) await publish(topic, [value], value);
  await reader.received(values);
  expect(reader.consumer.partitions).toHaveLength(4);
});

import { expect, test } from "vitest";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { committed, everyOffset, Gate, numbered, publish, publishTo, SpecConsumer } from "./support.ts";

test("a group without an offset reads everything that was published before it, each record once", async () => {
  const topic = await freshTopic({ numPartitions: 3 });
  const values = numbered("v", 0, 50);
  await publish(topic, values);
  await using reader = new SpecConsumer({ topics: [topic] });
  await reader.received(values);
  expect(reader.values).toEqual(values);
  expect(reader.gaps).toEqual([]);
});

test("events published while a group was away, before it ever committed, are not lost", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const first = new SpecConsumer({ topics: [topic] });
  await first.reading(1);
  await first.consumer.close();
  const values = numbered("v", 0, 7);
  await publish(topic, values);
  await using second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  await second.received(values);
});

test("a restart goes on at the commit, and its metadata comes back with the partition", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const first = new SpecConsumer({ topics: [topic] });
  first.missed = { "cache-2:11211": 3n };
  await publish(topic, numbered("a", 0, 5));
  await first.received(numbered("a", 0, 5));
  await first.consumer.close();
  await publish(topic, ["b"]);
  await using second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  await second.received(["b"]);
  expect(second.values).toEqual(["b"]);
  const [assigned] = second.assigned;
  expect(assigned).toMatchObject({
    position: 5n,
    metadata: { topo: "ab12cd34", miss: { "cache-2:11211": 3n } },
  });
  expect(assigned?.metadata?.ts).toBeGreaterThan(0);
});

test("commit metadata survives a rebalance", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  await using first = new SpecConsumer({ topics: [topic] });
  first.missed = { "cache-2:11211": 1n };
  await publish(topic, ["a"]);
  await first.committedUpTo(topic, "1");
  await using second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  second.missed = first.missed;
  await waitFor(() => first.assigned.length + second.assigned.length >= 2, { describe: "the rebalance" });
  const last = second.assigned.at(-1) ?? first.assigned.at(-1);
  expect(last?.metadata?.miss).toEqual({ "cache-2:11211": 1n });
});

test("marks that change without an event are committed on demand", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  await using reader = new SpecConsumer({ topics: [topic] });
  await publish(topic, ["a"]);
  await reader.committedUpTo(topic, "1");
  reader.missed = { "cache-1:11211": 0n };
  reader.consumer.recommit({ topic, partition: 0 });
  await waitFor(
    async () => {
      const { metadata } = await reader.committedUpTo(topic, "1");
      return JSON.stringify(Object.keys(metadata?.miss ?? {})) === '["cache-1:11211"]';
    },
    { describe: "the mark in the commit" },
  );
});

test("a batch that fails blocks its own partition alone, and is delivered when it succeeds", async () => {
  const topic = await freshTopic({ numPartitions: 4 });
  const mended = new Gate();
  let isMended = false;
  void mended.opened.then(() => (isMended = true));
  await using reader = new SpecConsumer({
    topics: [topic],
    handler: (batch) =>
      batch.partition === 2 && !isMended
        ? Promise.reject(new Error("poison"))
        : Promise.resolve({ done: everyOffset(batch) }),
  });
  const others = [0, 1, 3];
  await publishTo(topic, [0, 1, 2, 3], "a");
  await reader.received(others.map((partition) => `a-${partition}`));
  await waitFor(() => reader.failures.length >= 3, { describe: "repeated attempts" });
  const later = await publishTo(topic, others, "b");
  await reader.received(later);
  expect(reader.values).not.toContain("a-2");
  expect(reader.consumer.partitions.find(({ partition }) => partition === 2)).toMatchObject({ done: 0n });
  expect(reader.failures.every(({ partition }) => partition?.partition === 2)).toBe(true);
  mended.open();
  await reader.received(["a-2"]);
  await reader.committedUpTo(topic, "1", 2);
});

test("a batch that is done in part is committed that far and goes on from there", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const seen: string[][] = [];
  await using reader = new SpecConsumer({
    topics: [topic],
    handler: (batch) => {
      seen.push(batch.messages.map(({ value }) => value?.toString() ?? ""));
      const first = BigInt(batch.messages[0]?.offset ?? 0);
      return Promise.resolve({ done: seen.length === 1 ? first + 2n : everyOffset(batch) });
    },
  });
  await reader.reading(1);
  await publish(topic, ["a", "b", "c", "d"]);
  await reader.received(["a", "b", "c", "d"]);
  expect(reader.values).toEqual(["a", "b", "c", "d"]);
  expect(seen.at(-1)).toEqual(["c", "d"]);
});

test("a batch that takes longer than the session time-out keeps its partitions, and others go on meanwhile", async () => {
  const topic = await freshTopic({ numPartitions: 2 });
  const gate = new Gate();
  let batches = 0;
  await using reader = new SpecConsumer({
    topics: [topic],
    settings: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 },
    handler: async (batch) => {
      if (batch.partition === 0) {
        batches += 1;
        await gate.opened;
      }
      return { done: everyOffset(batch) };
    },
  });
  await publishTo(topic, [0], "slow");
  await waitFor(() => batches === 1, { timeoutMs: 20_000, describe: "the slow batch" });
  for (const round of ["a", "b", "c"])
    await reader.received(await publishTo(topic, [0, 1], round).then((v) => v.slice(1)));
  const endsAt = Date.now() + 7_000;
  await waitFor(() => Date.now() > endsAt, { timeoutMs: 9_000, describe: "more than the session time-out" });
  gate.open();
  await reader.received(["slow-0", "a-0", "b-0", "c-0"]);
  await reader.committedUpTo(topic, "4", 0);
  expect(reader.assigned).toHaveLength(2);
  expect(reader.values.filter((value) => value === "slow-0")).toHaveLength(1);
});

test("what a stale generation did is not committed", async () => {
  const topic = await freshTopic({ numPartitions: 2 });
  const gate = new Gate();
  let entered = 0;
  await using first = new SpecConsumer({
    topics: [topic],
    handler: async (batch) => {
      entered += 1;
      await gate.opened;
      return { done: everyOffset(batch) };
    },
  });
  await first.reading(2);
  await publishTo(topic, [0, 1], "a");
  await waitFor(() => entered === 2, { timeoutMs: 20_000, describe: "both batches" });
  await using second = new SpecConsumer({
    topics: [topic],
    groupId: first.groupId,
    handler: () => Promise.reject(new Error("not yet")),
  });
  await waitFor(() => second.failures.length > 0, { timeoutMs: 20_000, describe: "the new owner" });
  const [moved] = second.consumer.partitions;
  gate.open();
  // What stays with the first is done again, in the new generation, and committed.
  await first.committedUpTo(topic, "1", moved?.partition === 0 ? 1 : 0);
  expect(await committed(first.groupId, topic, moved?.partition)).toMatchObject({ offset: "0" });
  expect(first.revoked).toEqual([`${topic}/${moved?.partition ?? -1}`]);
});

test("two subscriptions in one group leave nothing unread, whoever leads", async () => {
  const [a, b] = [await freshTopic({ numPartitions: 3 }), await freshTopic({ numPartitions: 3 })];
  await using both = new SpecConsumer({ topics: [a, b] });
  await both.reading(6);
  await using one = new SpecConsumer({ topics: [a], groupId: both.groupId });
  await waitFor(() => one.consumer.partitions.length > 0 && both.consumer.partitions.length > 0, {
    timeoutMs: 20_000,
    describe: "the rebalance",
  });
  const values = [...(await publishTo(a, [0, 1, 2], "a")), ...(await publishTo(b, [0, 1, 2], "b"))];
  await waitFor(() => values.every((value) => [...both.values, ...one.values].includes(value)), {
    timeoutMs: 20_000,
    describe: "every record",
  });
  expect(one.consumer.partitions.every(({ topic }) => topic === a)).toBe(true);
  // The leader leaves: the one who reads a alone leads now, and a newcomer reads b.
  await both.consumer.close();
  await using other = new SpecConsumer({ topics: [b], groupId: both.groupId });
  const later = [...(await publishTo(a, [0, 1, 2], "c")), ...(await publishTo(b, [0, 1, 2], "d"))];
  await waitFor(() => later.every((value) => [...other.values, ...one.values].includes(value)), {
    timeoutMs: 20_000,
    describe: "every later record",
  });
});

test("new topics are read after setTopics, and what was done stays done", async () => {
  const [a, b] = [await freshTopic({ numPartitions: 1 }), await freshTopic({ numPartitions: 1 })];
  await using reader = new SpecConsumer({ topics: [a] });
  await publish(a, ["a1"]);
  await publish(b, ["b1"]);
  await reader.received(["a1"]);
  await reader.consumer.setTopics([a, b]);
  await reader.received(["b1"]);
  await publish(a, ["a2"]);
  await reader.received(["a2"]);
  expect(reader.values).toEqual(["a1", "b1", "a2"]);
});

test("a stop commits what is done and abandons a batch that does not end", async () => {
  const topic = await freshTopic({ numPartitions: 2 });
  let aborted = false;
  const first = new SpecConsumer({
    topics: [topic],
    settings: { drainTimeoutMs: 500 },
    handler: async (batch) => {
      if (batch.partition === 1)
        await new Promise<void>((resolve) => {
          batch.signal.addEventListener("abort", () => {
            aborted = true;
            resolve();
          });
        });
      return { done: everyOffset(batch) };
    },
  });
  await publishTo(topic, [0, 1], "a");
  await first.received(["a-0"]);
  await first.consumer.close();
  expect(aborted).toBe(true);
  expect(first.consumer.state).toBe("closed");
  await first.committedUpTo(topic, "1", 0);
  await using second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  await second.received(["a-1"]);
  expect(second.values).toEqual(["a-1"]);
});

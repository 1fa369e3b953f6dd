import { createEventPublisher, createKafka, ensureTopics } from "@freshet/kafka";
import { connect } from "node:net";
import kafkajs, { type Broker, type Cluster, type ISocketFactory } from "kafkajs";
import { beforeAll, expect, inject, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { ownBroker } from "../../support/own-servers.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { numbered, publish, SpecConsumer, testKafka, withAdmin } from "./support.ts";

const { NOTHING } = kafkajs.logLevel;
const { PartitionAssigners } = kafkajs;
/** By its number in Kafka's protocol. */
const joinGroup = 11;

/** kafkajs's type leaves it out. */
type Coordinator = Broker & {
  leaveGroup(member: { groupId: string; memberId: string }): Promise<void>;
};

let broker: Awaited<ReturnType<typeof ownBroker>>;
let brokers: string[];

beforeAll(async () => {
  broker = await ownBroker();
  brokers = [`127.0.0.1:${broker.port}`];
});

test("a consumer and a publisher outlive a broker that is away longer than kafkajs retries", async () => {
  const topic = await freshTopic({ brokers, numPartitions: 2 });
  const publisher = createEventPublisher(testKafka(brokers), { timeoutMs: 2_000 });
  const send = (values: string[]) =>
    waitFor(() => publisher.publish(values.map((value) => ({ topic, key: value, value }))), {
      timeoutMs: 30_000,
      describe: "the publisher to get through",
    });
  await using reader = new SpecConsumer({ topics: [topic], kafka: testKafka(brokers) });
  await send(numbered("before", 0, 10));
  await reader.received(numbered("before", 0, 10));
  await broker.stop();
  await waitFor(() => reader.failures.some(({ step }) => step === "session"), {
    timeoutMs: 60_000,
    describe: "kafkajs to give up",
  });
  expect(reader.consumer.state).toBe("joining");
  await broker.start();
  await send(numbered("after", 0, 10));
  await reader.received(numbered("after", 0, 10));
  expect(reader.consumer.state).toBe("running");
  expect(reader.gaps).toEqual([]);
  await waitFor(() => reader.consumer.partitions.every(({ offsetLag }) => offsetLag === 0n), {
    describe: "no lag",
  });
  await publisher.close();
});

test("a consumer that starts while its broker is away reads when it comes, and can be closed before", async () => {
  const topic = await freshTopic({ brokers, numPartitions: 1 });
  await broker.stop();
  const closedEarly = new SpecConsumer({ topics: [topic], kafka: testKafka(brokers) });
  await using reader = new SpecConsumer({ topics: [topic], kafka: testKafka(brokers) });
  await waitFor(() => reader.failures.length > 0, { timeoutMs: 30_000, describe: "a failed session" });
  await closedEarly.consumer.close();
  expect(closedEarly.consumer.state).toBe("closed");
  await broker.start();
  await reader.reading(1);
});

test("a consumer that starts while its broker takes connections and says nothing reads when it answers", async () => {
  const topic = await freshTopic({ brokers, numPartitions: 1 });
  const logged: string[] = [];
  const kafka = createKafka({ brokers, clientId: "spec", requestTimeout: 1_000 }, (_level, message) =>
    logged.push(message),
  );
  broker.pause();
  await using reader = new SpecConsumer({ topics: [topic], kafka });
  await waitFor(() => logged.some((message) => /ApiVersions.* timed out/.test(message)), {
    timeoutMs: 30_000,
    describe: "the first request to be given up",
  });
  broker.resume();
  await reader.reading(1);
});

test("a member that its group has forgotten joins again, although its first try is lost with the connection", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  let joinsToLose = 0;
  const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect);
    const write = socket.write.bind(socket);
    return Object.assign(socket, {
      write: (request: Buffer) => {
        if (request.readInt16BE(4) !== joinGroup || joinsToLose === 0) return write(request);
        joinsToLose -= 1;
        socket.destroy(new Error("lost"));
        return false;
      },
    });
  };
  const kafka = new kafkajs.Kafka({ brokers: inject("kafkaBrokers"), logLevel: NOTHING, socketFactory });
  await using reader = new SpecConsumer({ topics: [topic], kafka });
  await publish(topic, ["before"]);
  await reader.committedUpTo(topic, "1");
  joinsToLose = 1;
  await forgetMembers(reader.groupId);
  await waitFor(() => joinsToLose === 0, { describe: "the join to be lost" });
  await publish(topic, ["after"]);
  await reader.committedUpTo(topic, "2");
  expect(reader.failures.filter(({ step }) => step === "session")).toEqual([]);
});

/** Tells the broker that every member has left, as it believes of those whose session runs out while it is frozen. */
async function forgetMembers(groupId: string): Promise<void> {
  const clusters: Cluster[] = [];
  const consumer = testKafka().consumer({
    groupId: uniqueName("group"),
    partitionAssigners: [
      (config) => {
        clusters.push(config.cluster);
        return PartitionAssigners.roundRobin(config);
      },
    ],
  });
  await consumer.connect();
  const { groups } = await withAdmin((admin) => admin.describeGroups([groupId]));
  const coordinator = (await clusters[0]?.findGroupCoordinator({ groupId })) as Coordinator | undefined;
  for (const { memberId } of groups[0]?.members ?? []) await coordinator?.leaveGroup({ groupId, memberId });
  await consumer.disconnect();
}

test("a crash that no retry can mend is a state of its own, for liveness", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const groupId = uniqueName("group");
  const foreign = testKafka().consumer({ groupId });
  await foreign.connect();
  await foreign.subscribe({ topics: [topic] });
  const joined = new Promise((resolve) => foreign.on(foreign.events.GROUP_JOIN, resolve));
  await foreign.run({ eachMessage: () => Promise.resolve() });
  await joined;
  // Its assigner has another name: the broker refuses ours for as long as that member lives.
  await using reader = new SpecConsumer({ topics: [topic], groupId });
  await waitFor(() => reader.consumer.state === "crashed", { timeoutMs: 30_000, describe: "the crash" });
  expect(reader.failures.at(-1)).toMatchObject({ step: "session" });
  await foreign.disconnect();
});

test("a topic that does not exist yet is waited for", async () => {
  const topic = uniqueName("topic");
  await using reader = new SpecConsumer({ topics: [topic] });
  await waitFor(() => reader.failures.length > 0, { timeoutMs: 30_000, describe: "a failed session" });
  expect(reader.consumer.state).toBe("joining");
  await withAdmin((admin) => ensureTopics(admin, [{ topic, partitions: 1, replicationFactor: 1 }]));
  await publish(topic, ["a"]);
  await reader.received(["a"]);
});

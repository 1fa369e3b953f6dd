import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { describe, expect, inject, test } from "vitest";
import { query } from "../../../scripts/local/postgres.mjs";
import { freshDatabase } from "../../support/database.ts";
import { inspectNode, readKey, writeKey } from "../../support/memcached-inspector.ts";
import { uniqueName } from "../../support/names.ts";
import { ownBroker, ownMemcachedNode, ownPostgres } from "../../support/own-servers.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";

function isFrozen(pid: number | undefined): boolean {
  return /^State:\tT/m.test(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
}

function kafka(brokers: string[]): Kafka {
  return new Kafka({ brokers, logLevel: logLevel.NOTHING });
}

describe("Kafka", () => {
  test("a fresh topic has what production has: partitions, retention, append time, room for letters", async () => {
    const topic = await freshTopic();
    const admin = kafka(inject("kafkaBrokers")).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic, `${topic}.dlt`] });
    expect(topics.map(({ partitions }) => partitions.length)).toEqual([12, 12]);
    const configNames = ["retention.ms", "message.timestamp.type", "cleanup.policy", "max.message.bytes"];
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [topic, `${topic}.dlt`].map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configNames,
      })),
    });
    await admin.disconnect();
    const settings = resources.map(({ configEntries }) =>
      Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    );
    const common = {
      "retention.ms": "604800000",
      "message.timestamp.type": "LogAppendTime",
      "cleanup.policy": "delete",
    };
    expect(settings).toEqual([
      { ...common, "max.message.bytes": "1048588" },
      { ...common, "max.message.bytes": String(1_048_588 + 65_536) },
    ]);
  });

  test("a topic that nobody created is refused", async () => {
    const producer = kafka(inject("kafkaBrokers")).producer({
      allowAutoTopicCreation: false,
      retry: { retries: 0 },
    });
    await producer.connect();
    await expect(
      producer.send({ topic: uniqueName("nobodys"), messages: [{ value: "x" }] }),
    ).rejects.toThrow();
    await producer.disconnect();
  });

  test("a broker of one's own keeps its messages over kill -9 and answers again on the same port", async () => {
    const broker = await ownBroker();
    const topic = await freshTopic({ brokers: [broker.address], numPartitions: 1 });
    const client = kafka([broker.address]);
    const producer = client.producer();
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: [{ value: "kept" }] });
    await producer.disconnect();

    await broker.kill();
    expect(broker.pid).toBeUndefined();
    await broker.start();

    const admin = client.admin();
    await admin.connect();
    expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ low: "0", high: "1" }]);
    await admin.disconnect();
  });
});

describe("PostgreSQL", () => {
  test("each fresh database is empty and its own", async () => {
    const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
    await query(one, "CREATE TABLE things (id int)");
    await expect(query(other, "SELECT FROM things")).rejects.toThrow('relation "things" does not exist');
  });

  test("a server of one's own keeps what was committed over kill -9", async () => {
    const { server, databaseUrl } = await ownPostgres();
    await query(databaseUrl, "CREATE TABLE things AS SELECT 1 AS id");
    await server.kill();
    await server.start();
    expect((await query(databaseUrl, "SELECT id FROM things")).rows).toEqual([{ id: 1 }]);
  });
});

describe("memcached", () => {
  test("the inspector sees every key of a node, whatever it holds", async () => {
    const node = await ownMemcachedNode();
    const expected = new Map<string, string>(
      Array.from({ length: 500 }, (_, i) => [`user_profile:${i}`, randomUUID()]),
    );
    expected.set("user_profile:~c8687a08aa5d6ed2044328fa6a697ab8", "ä\r\nEND\r\nVALUE x 0 1\r\n");
    expected.set("100%25", "");
    for (const [key, value] of expected) await writeKey(node.address, key, value);
    expect(await inspectNode(node.address)).toEqual(expected);
  });

  test("a node that is killed comes back empty on the same port", async () => {
    const node = await ownMemcachedNode();
    await writeKey(node.address, "key", "value");
    await node.kill();
    await expect(readKey(node.address, "key")).rejects.toThrow("ECONNREFUSED");
    await node.start();
    expect(await readKey(node.address, "key")).toBeUndefined();
  });

  test("a frozen node answers what it was asked meanwhile once it is thawed", async () => {
    const node = await ownMemcachedNode();
    node.pause();
    await waitFor(() => isFrozen(node.pid), { describe: "the node to be frozen" });
    const reading = readKey(node.address, "key");
    node.resume();
    expect(await reading).toBeUndefined();
  });
});

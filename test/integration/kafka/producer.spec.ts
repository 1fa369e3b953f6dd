import { createEventPublisher, createKafka } from "@freshet/kafka";
import { connect } from "node:net";
import { type ISocketFactory, Kafka, logLevel } from "kafkajs";
import { inject, expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { freshTopic } from "../../support/topics.ts";
import { allValues, numbered, testKafka, withAdmin } from "./support.ts";

function brokerAddress(): string {
  return inject("kafkaBrokers")[0] ?? "";
}

/** A client whose every connection goes through the proxy, whatever address the broker advertises. */
function proxiedKafka(proxy: TcpProxy): Kafka {
  const socketFactory: ISocketFactory = ({ onConnect }) =>
    connect({ host: "127.0.0.1", port: proxy.port }, onConnect).setKeepAlive(true, 60_000);
  return new Kafka({
    brokers: [proxy.address],
    socketFactory,
    requestTimeout: 3_000,
    logLevel: logLevel.NOTHING,
  });
}

test.each([
  ["the same size", 5],
  ["another size", 3],
])("events survive lost acks when the next batch has %s", async (_, nextSize) => {
  const topic = await freshTopic({ numPartitions: 1 });
  await using proxy = await TcpProxy.start(brokerAddress());
  const publisher = createEventPublisher(proxiedKafka(proxy), { timeoutMs: 1_500 });
  const messages = (values: string[]) => values.map((value) => ({ topic, key: "k", value }));
  await publisher.publish(messages(numbered("warm", 0, 5)));
  proxy.mode = "drop-answers";
  const unknown = numbered("unknown", 0, 5);
  await expect(publisher.publish(messages(unknown))).rejects.toMatchObject({ code: "KAFKA_PUBLISH_FAILED" });
  proxy.mode = "forward";
  const next = numbered("next", 0, nextSize);
  expect(await publisher.publish(messages(next))).toEqual(next.map(() => "published"));
  expect(await publisher.publish(messages(unknown))).toEqual(unknown.map(() => "published"));
  await publisher.close();
  const stored = await allValues(topic);
  expect(stored).toEqual(expect.arrayContaining([...numbered("warm", 0, 5), ...unknown, ...next]));
  expect(stored.slice(-unknown.length)).toEqual(unknown);
});

test("a message that the topic refuses for its size is named, and its neighbours are published in order", async () => {
  const topic = await freshTopic({ numPartitions: 1, settings: { "max.message.bytes": "20000" } });
  const publisher = createEventPublisher(testKafka());
  const value = (index: number) => (index === 7 ? "x".repeat(30_000) : `v${index}`);
  const outcomes = await publisher.publish(
    Array.from({ length: 20 }, (_, index) => ({ topic, key: "k", value: value(index) })),
  );
  await publisher.close();
  expect(
    outcomes.map((outcome, index) => (outcome === "too_large" ? index : -1)).filter((at) => at >= 0),
  ).toEqual([7]);
  const first = [...new Set(await allValues(topic))];
  expect(first).toEqual(
    Array.from({ length: 20 }, (_, index) => `v${index}`).filter((_, index) => index !== 7),
  );
});

test("five thousand events of one key fit, although a broker takes 1 MiB at a time", async () => {
  const topic = await freshTopic({ numPartitions: 2 });
  const publisher = createEventPublisher(testKafka());
  const values = numbered("e".repeat(350), 0, 5_000);
  const outcomes = await publisher.publish(values.map((value) => ({ topic, key: "k", value })));
  await publisher.close();
  expect(new Set(outcomes)).toEqual(new Set(["published"]));
  expect(await allValues(topic)).toEqual(values);
});

test("publishes that are asked for at once keep their order", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const publisher = createEventPublisher(testKafka());
  const values = numbered("v", 0, 30);
  await Promise.all(values.map((value) => publisher.publish([{ topic, key: "k", value }])));
  await publisher.close();
  expect(await allValues(topic)).toEqual(values);
});

test("a publish ends at its signal while the broker is a black hole, and a later one succeeds", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  await using proxy = await TcpProxy.start(brokerAddress());
  const publisher = createEventPublisher(proxiedKafka(proxy), { timeoutMs: 60_000 });
  await publisher.publish([{ topic, key: "k", value: "a" }]);
  proxy.mode = "black-hole";
  const publishing = publisher.publish([{ topic, key: "k", value: "b" }], {
    signal: AbortSignal.timeout(300),
  });
  await expect(publishing).rejects.toMatchObject({ code: "KAFKA_PUBLISH_FAILED" });
  await expect(publisher.ping({ signal: AbortSignal.timeout(300) })).rejects.toMatchObject({
    code: "KAFKA_UNREACHABLE",
  });
  proxy.mode = "forward";
  await publisher.ping({ signal: AbortSignal.timeout(5_000) });
  await publisher.publish([{ topic, key: "k", value: "c" }]);
  proxy.cut();
  await publisher.close();
  expect(await allValues(topic)).toContain("c");
});

test("a topic that does not exist is not made by publishing to it", async () => {
  const topic = uniqueName("missing");
  const publisher = createEventPublisher(createKafka({ brokers: inject("kafkaBrokers"), clientId: "spec" }), {
    timeoutMs: 2_000,
  });
  await expect(publisher.publish([{ topic, key: "k", value: "v" }])).rejects.toMatchObject({
    code: "KAFKA_PUBLISH_FAILED",
  });
  await publisher.close();
  expect(await withAdmin((admin) => admin.listTopics())).not.toContain(topic);
});

// What kafkajs leaves behind when it is told to end in the midst of something.
import { createEventPublisher } from "@freshet/kafka";
import { inject, expect, test } from "vitest";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { proxiedKafka, SpecConsumer, withAdmin } from "./support.ts";

async function members(groupId: string): Promise<number> {
  const { groups } = await withAdmin((admin) => admin.describeGroups([groupId]));
  return groups[0]?.members.length ?? 0;
}

test("a consumer that is closed while it joins leaves no member behind", async () => {
  const topic = await freshTopic({ numPartitions: 2 });
  // The one that is there hears of the other one by its next heartbeat: the join takes as long.
  await using first = new SpecConsumer({ topics: [topic] });
  await first.reading(2);
  const second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  await waitFor(async () => (await members(first.groupId)) === 2, { describe: "the join to be under way" });
  expect(second.consumer.state).toBe("joining");
  await second.consumer.close();
  expect(await members(first.groupId)).toBe(1);
  await first.reading(2);
  expect(await members(first.groupId)).toBe(1);
});

test("a publisher that is closed with a send in flight leaves no connection behind", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  await using proxy = await TcpProxy.start(inject("kafkaBrokers")[0] ?? "");
  const publisher = createEventPublisher(proxiedKafka(proxy), { timeoutMs: 1_500 });
  await publisher.publish([{ topic, key: "k", value: "1" }]);
  expect(proxy.connections).toBeGreaterThan(0);
  proxy.mode = "drop-answers";
  const sending = publisher.publish([{ topic, key: "k", value: "2" }]);
  const failed = expect(sending).rejects.toMatchObject({ code: "KAFKA_PUBLISH_FAILED" });
  await publisher.close();
  await failed;
  await waitFor(() => proxy.connections === 0, { describe: "every connection to be closed" });
});

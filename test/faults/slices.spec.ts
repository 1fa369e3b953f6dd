// An event that touches more keys than are held at once, and an invalidator that is killed in the midst of it.
import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";
import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { ConfigMap } from "../support/config-map.ts";
import { KeyLog } from "../support/key-log.ts";
import { inspectNode, writeKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

const [columns, rows, sliceKeys] = [60, 50, 100];
const slices = (columns * rows) / sliceKeys;

test("an event of many slices whose invalidator is killed is begun again: what came before stays done, every key is deleted, and the operator is told", async () => {
  await using system = await System.create();
  const [{ address: node }] = system.nodes;
  await using log = await KeyLog.start(node);
  const topic = `${uniqueName("grid")}.events.v1`;
  await ensureTopics([...system.brokers], [topic]);
  const config = new ConfigMap();
  config.write({
    "pools.yaml": `freshet: 1\npools: { profiles: { nodes: ["${node}"] } }\n`,
    "grid.yaml": grid(topic),
  });
  const invalidator = await system.startInvalidator({
    env: { MANIFESTS_DIR: config.folder, MEMCACHED_PROFILES: log.address, SLICE_KEYS: String(sliceKeys) },
  });
  const committed = () =>
    kafkaAdmin([...system.brokers], async (admin) => {
      await admin.fetchTopicOffsets(topic); // else a client that has just connected knows no coordinator
      const [ofTopic] = await admin.fetchOffsets({ groupId: system.groups.profiles, topics: [topic] });
      return Number(ofTopic?.partitions.find(({ partition }) => partition === 0)?.offset);
    });
  const untilCommitted = (offset: number) =>
    waitFor(async () => (await committed()) === offset, {
      timeoutMs: 90_000,
      describe: `the commit of ${offset}`,
    });

  await send(system, topic, event("before", 1, 1));
  await untilCommitted(1);
  const cached = ["grid:x0:y0", `grid:x${columns - 1}:y${rows - 1}`, "grid:x0:z", "other"];
  for (const key of cached) await writeKey(node, key, "1");

  log.onKey = (key) => {
    if (key === `grid:x0:y${rows / 2}`) void invalidator.kill();
  };
  await send(system, topic, event("huge", columns, rows), event("after", 1, "z"));
  expect(await invalidator.ended).toBe("signal SIGKILL");
  expect(await committed()).toBe(1);
  expect(log.touched.has(cached[1] ?? "")).toBe(false);

  log.onKey = () => undefined;
  await invalidator.start();
  await untilCommitted(3);
  expect([...(await inspectNode(node)).keys()]).toEqual(["other"]);
  // From its first slice on; the event before it is not done again.
  const times = (key: string) => log.touched.get(key);
  expect([times("grid:x0:y0"), times("grid:x0:y1"), times(cached[1] ?? "")]).toEqual([3, 2, 1]);

  const metrics = await (await fetch(`${invalidator.url}/metrics`)).text();
  expect(metrics).toContain(`freshet_slices_total{pool="profiles",topic="${topic}"} ${slices}\n`);
  expect(metrics).toContain(`freshet_events_total{pool="profiles",topic="${topic}",result="applied"} 2\n`);
  const told = { topic, partition: 0, offset: "1", keys: columns * rows, slices };
  const lines = invalidator
    .log()
    .split("\n")
    .filter((line) => line.includes("slice"))
    .map((line) => JSON.parse(line) as object);
  expect(lines).toMatchObject([told, told, told]); // begun, begun again, done
});

function grid(topic: string): string {
  return `freshet: 1
service: grid-service
publishes:
  GridChanged: { entity: grid, topic: ${topic}, fields: [x], routing: { x: [string], y: [string] } }
views:
  grid: { key: "grid:{x}:{y}", pool: profiles, dependsOn: [{ event: GridChanged, params: { x: "x[]", y: "y[]" } }] }
`;
}

/** An event that touches grid:x<0…>:y<0…>, or grid:x<0…>:<y>. */
function event(subject: string, width: number, height: number | string) {
  const names = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${name}${index}`);
  const after = { x: names("x", width), y: typeof height === "string" ? [height] : names("y", height) };
  const data = { version: 1, change: "created", before: null, after };
  const value = { specversion: "1.0", id: randomUUID(), source: "spec", type: "GridChanged", subject, data };
  return { key: subject, partition: 0, value: JSON.stringify(value) };
}

/** In one request, so that they are read as one batch. */
async function send(
  { brokers }: System,
  topic: string,
  ...messages: ReturnType<typeof event>[]
): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages });
  await producer.disconnect();
}

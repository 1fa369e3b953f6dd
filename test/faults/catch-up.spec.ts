import kafkajs from "kafkajs";
import { expect, test } from "vitest";
import { groupPartitions } from "../support/checker.ts";
import { uniqueName } from "../support/names.ts";
import { type RunningApp, type System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario, untilOwed } from "./scenario.ts";

const missedEvents = 3_000;

/** Publishes changes of profiles that nobody has, all into one partition: enough for a dozen slices. */
async function publishMany({ brokers, topic }: System): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const key = uniqueName("missed");
  const messages = Array.from({ length: missedEvents }, (_, index) => {
    const subject = `${key}-${index}`;
    const side = { handle: subject, teamIds: [] };
    const data = { version: 2, change: "updated", changedFields: ["bio"], before: side, after: side };
    const event = { specversion: "1.0", id: subject, source: "spec", type: "ProfileChanged", subject, data };
    return { key, value: JSON.stringify(event) };
  });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages });
  await producer.disconnect();
}

/** Events between what the node owes and what is committed, over all partitions. */
async function debtOf(system: System, node: string): Promise<number> {
  const debts = (await groupPartitions(system, "profiles")).map(({ committed, missed }) => {
    const mark = missed === "*" ? 0 : missed[node];
    return mark === undefined ? 0 : committed - Number(mark);
  });
  return debts.reduce((sum, debt) => sum + debt, 0);
}

async function replayedBy(invalidator: RunningApp, node: string): Promise<number> {
  const text = await (await fetch(`${invalidator.url}/metrics`)).text();
  return Number(
    new RegExp(`^freshet_catch_up_events_total\\{pool="profiles",node="${node}"\\} (\\d+)$`, "m").exec(
      text,
    )?.[1],
  );
}

test("an invalidator that is killed while it replays what a node has missed goes on where the commit says", async () => {
  await using scenario = await Scenario.begin({ proxied: true, profiles: 2 });
  const { system, invalidator, traffic } = scenario;
  const [proxy] = system.proxies ?? [];
  if (proxy === undefined) throw new Error("no proxy");
  proxy.mode = "black-hole";
  await publishMany(system);
  await traffic.touchAll();
  await untilOwed(scenario, proxy.address);
  const before = await debtOf(system, proxy.address);
  expect(before).toBeGreaterThanOrEqual(missedEvents);

  proxy.delayMs = 200; // a dozen slices take seconds
  proxy.mode = "forward";
  await waitFor(async () => (await debtOf(system, proxy.address)) < before - 1_000, {
    timeoutMs: 30_000,
    intervalMs: 200,
    describe: "a third of it to be replayed",
  });
  await invalidator.kill();
  const atKill = await debtOf(system, proxy.address);
  expect(atKill).toBeGreaterThan(0);

  proxy.delayMs = 0;
  await invalidator.start();
  await scenario.expectHealed();
  const again = await replayedBy(invalidator, proxy.address);
  expect(again).toBeGreaterThanOrEqual(atKill);
  expect(again).toBeLessThan(before);
});

import { createHash, randomUUID } from "node:crypto";
import { type Message } from "kafkajs";
import { expect, test } from "vitest";
import { checkCache, countedEvents, untilQuiet } from "../support/checker.ts";
import { readTopic } from "../support/event-log.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { ownBroker } from "../support/own-servers.ts";
import { publish } from "../support/publish.ts";
import { type System } from "../support/system.ts";
import { Scenario } from "./scenario.ts";

const absent = '{"vs":{},"d":null}';

function event(subject: string, changes: object = {}): Record<string, unknown> {
  const routing = { handle: "nobody", teamIds: [] };
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: "foreign",
    type: "ProfileChanged",
    subject,
    time: "2026-11-22T20:00:00.000Z",
    data: { version: 1, change: "updated", changedFields: [], before: routing, after: routing },
    ...changes,
  };
}

function message(key: string | null, value: object | string | null): Message {
  return { key, value: typeof value === "object" && value !== null ? JSON.stringify(value) : value };
}

/** How many nodes hold the key. */
async function holders({ nodeAddresses }: System, key: string): Promise<number> {
  const values = await Promise.all(nodeAddresses.map((node) => readKey(node, key)));
  return values.filter((value) => value !== undefined).length;
}

test("malformed, unknown and huge events stop nothing: parked or skipped, accounted for, and the bus goes on", async () => {
  const broker = await ownBroker();
  await using scenario = await Scenario.begin({ brokers: [broker.address] });
  const { system, invalidator, traffic } = scenario;
  const [first = "", second = "", third = ""] = traffic.ids;
  const strange = `${"ä \u0000\n\u001b[31m".repeat(40)}x`;
  const strangeKey = `user_profile:~${createHash("sha256").update(strange).digest("hex").slice(0, 32)}`;
  for (const node of system.nodeAddresses) await writeKey(node, strangeKey, absent);
  const { data } = event(first) as { data: object };
  const letters: Message[] = [
    message(first, "not JSON \u001b[31m"),
    message(second, event(second, { data: { ...data, version: undefined } })),
    message(null, null),
    message("long", event("x".repeat(1_025))),
    message("huge", "x".repeat(1_000_000)),
  ];
  const processed: Message[] = [
    message(third, event(third, { type: "ProfileRenamed.v9" })),
    message(strange, event(strange)),
    message("foreign key", event(third, { data: { ...data, changedFields: ["displayName"] } })),
    message(third, event(third, { padding: "x".repeat(1_000_000) })),
  ];
  await publish(system.brokers, system.topic, [...letters, ...processed]);
  const partitions = await untilQuiet(system);

  const parked = await readTopic(system.brokers, `${system.topic}.dlt`);
  for (const { headers } of parked) {
    expect(headers).toMatchObject({ "freshet-topic": system.topic });
    expect(headers["freshet-reason"]).toMatch(/^[a-z_]+$/);
  }
  for (const pool of ["profiles", "teams"] as const) {
    const own = parked.filter(({ headers }) => headers["freshet-pool"] === pool);
    expect(own.map(({ value }) => value?.toString() ?? null).sort()).toEqual(
      letters.map(({ value }) => value).sort(),
    );
    const ofPool = partitions.filter((partition) => partition.pool === pool);
    const high = ofPool.reduce((sum, partition) => sum + partition.high, 0);
    expect(await countedEvents([invalidator.url], pool)).toBe(high);
  }
  // The Kafka key names the entity: what follows from it alone is deleted although nothing else could be read.
  for (const id of [first, second, third]) expect(await holders(system, `user_profile:${id}`)).toBe(0);
  expect(await holders(system, strangeKey)).toBe(1);
  expect(invalidator.log()).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect((await checkCache(system)).violations).toEqual([]);

  await scenario.expectHealed();
});

test("old and repeated events make nothing older", async () => {
  await using scenario = await Scenario.begin({ profiles: 5 });
  const { system, traffic } = scenario;
  await traffic.touchAll();
  await untilQuiet(system);
  await traffic.cacheAll();
  const own = (await readTopic(system.brokers, system.topic)).filter(({ key }) =>
    traffic.ids.includes(key ?? ""),
  );
  expect(own).toHaveLength(10);
  const shuffled = [...own].reverse().map(({ key, value, headers }) => ({ key, value, headers }));
  const busy = traffic.run(30);
  await publish(system.brokers, system.topic, shuffled);
  expect(await busy).toMatchObject({ failed: 0 });
  await scenario.expectHealed();
});

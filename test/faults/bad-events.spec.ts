import { createHash } from "node:crypto";
import { type Message } from "kafkajs";
import { expect, test } from "vitest";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { checkCache, countedEvents, untilQuiet } from "../support/checker.ts";
import { type LogRecord, readTopic } from "../support/event-log.ts";
import { event, hostileEvents, message } from "../support/hostile-events.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { ownBroker } from "../support/own-servers.ts";
import { publish } from "../support/publish.ts";
import { type System } from "../support/system.ts";
import { Scenario } from "./scenario.ts";

const absent = '{"vs":{},"d":null}';

/** The key of the view user_profile for an entity whose id is of ASCII, or does not stand as it is. */
function profileKey(id: string): string {
  const standsAsItIs = /^[!-9;-}][!-9;-~]{0,63}$/.test(id);
  return `user_profile:${standsAsItIs ? id : `~${createHash("sha256").update(id).digest("hex").slice(0, 32)}`}`;
}

/** Puts a value under the profile key of each id, on every node. */
async function cache({ nodeAddresses }: System, ids: readonly string[]): Promise<void> {
  for (const node of nodeAddresses)
    await Promise.all(ids.map((id) => writeKey(node, profileKey(id), absent)));
}

/** The ids whose profile key no node has lost: a deletion reaches the node that the key belongs to. */
async function untouched({ nodeAddresses }: System, ids: readonly string[]): Promise<string[]> {
  const held = await Promise.all(
    ids.map(async (id) => {
      const values = await Promise.all(nodeAddresses.map((node) => readKey(node, profileKey(id))));
      return values.includes(undefined) ? [] : [id];
    }),
  );
  return held.flat();
}

/** What the dead letters of one pool say, by the key of the record that they were. */
async function lettersOf({ brokers, topic }: System): Promise<(pool: string) => Map<string, LogRecord>> {
  const all = await readTopic(brokers, `${topic}.dlt`);
  return (pool) =>
    new Map(
      all
        .filter(({ headers }) => headers["freshet-pool"] === pool)
        .map((letter) => [letter.key ?? "", letter]),
    );
}

test("events made to break the bus end each in its effect or its dead letter, and good ones around them are applied", async () => {
  const broker = await ownBroker();
  // As a topic has to be whose events are of 2 MB; its dead-letter topic takes 64 KiB more.
  await ensureTopics([broker.address], ["profile.events.v1"], { maxMessageBytes: 4 * 1_024 * 1_024 });
  await using scenario = await Scenario.begin({ brokers: [broker.address], profiles: 3 });
  const { system, invalidator } = scenario;
  const { effective, parked, skipped } = hostileEvents();
  const hostile = [...effective, ...parked.map(({ record }) => record), ...skipped];

  const entities = hostile.map(({ entity }) => entity).filter((entity) => entity !== undefined);
  const good = hostile.flatMap((_, index) => [`good-${index}-before`, `good-${index}-after`]);
  await cache(system, [...entities, ...good]);
  await writeKey(system.teamsNode.address, "team_directory:absurd-9999", absent);
  const between = hostile.flatMap(({ sent }, index): Message[] => {
    const partition = index % 12;
    const [before, after] = [`good-${index}-before`, `good-${index}-after`].map((id) => ({
      ...message(id, event(id)),
      partition,
    }));
    return before && after ? [before, { ...sent, partition }, after] : [];
  });
  await publish(system.brokers, system.topic, between);
  const partitions = await untilQuiet(system);

  expect(await untouched(system, good)).toEqual([]);
  const deleted = [...effective, ...parked.map(({ record }) => record)].map(({ entity }) => entity);
  expect(await untouched(system, entities)).toEqual(entities.filter((entity) => !deleted.includes(entity)));
  expect(await readKey(system.teamsNode.address, "team_directory:absurd-9999")).toBeUndefined();

  const letters = await lettersOf(system);
  for (const pool of ["profiles", "teams"] as const) {
    const own = letters(pool);
    const reasons = [...own].map(([key, { headers }]) => [key, headers["freshet-reason"]]);
    expect(Object.fromEntries(reasons)).toEqual(
      Object.fromEntries(parked.map(({ record, reason }) => [String(record.sent.key ?? ""), reason])),
    );
    for (const { record } of parked) {
      const { key, value, headers = {} } = record.sent;
      const letter = own.get(String(key ?? ""));
      // As text: comparing buffers of 2 MB takes vitest half a minute.
      expect(letter?.value?.toString() ?? null).toBe(value === null ? null : String(value));
      expect(letter?.headers).toMatchObject({ ...headers, "freshet-topic": system.topic });
    }
    const ofPool = partitions.filter((partition) => partition.pool === pool);
    const high = ofPool.reduce((sum, partition) => sum + partition.high, 0);
    expect(await countedEvents([invalidator.url], pool)).toBeGreaterThanOrEqual(high);
  }
  const lines = invalidator.log().trimEnd().split("\n");
  // Neither a control nor what turns a line around, and nothing as long as a stranger likes.
  expect(lines.filter((line) => /[\p{Cc}\u202e]/u.test(line) || line.length > 8_000)).toEqual([]);
  const named = new Set(lines.map((line) => (JSON.parse(line) as { entity?: string }).entity));
  const unreadable = parked.flatMap(({ record: { entity } }) => entity ?? []);
  expect(unreadable.filter((entity) => !named.has(entity))).toEqual([]);
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

import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { ownBroker } from "../support/own-servers.ts";
import { type RunningApp, type System } from "../support/system.ts";
import { Scenario } from "./scenario.ts";

/** Events of every batch that a replica's log names as done, of one pool. */
function eventsIn(replica: RunningApp, pool: string): number {
  const lines = replica
    .log()
    .split("\n")
    .filter((line) => line.includes('"batch invalidated"'));
  return lines
    .map((line) => JSON.parse(line) as { pool: string; firstOffset: string; lastOffset: string })
    .filter((line) => line.pool === pool)
    .reduce((sum, { firstOffset, lastOffset }) => sum + Number(lastOffset) - Number(firstOffset) + 1, 0);
}

async function messagesIn({ brokers, topic }: System): Promise<number> {
  const ends = await kafkaAdmin([...brokers], (admin) => admin.fetchTopicOffsets(topic));
  return ends.reduce((sum, { high }) => sum + Number(high), 0);
}

test("three invalidators are restarted one after the other under load: nothing is lost, and next to nothing is done twice", async () => {
  const broker = await ownBroker();
  // Under so low a ceiling every stop meets batches of the pool profiles whose deletes were not sent yet.
  const env = { LOG_LEVEL: "debug", MEMCACHED_PROFILES_MAX_DELETES_PER_SECOND: "40" };
  await using scenario = await Scenario.begin({ brokers: [broker.address], invalidator: { env } });
  const { system, traffic, invalidator } = scenario;
  const replicas = [invalidator, ...(await Promise.all([1, 2].map(() => system.startInvalidator({ env }))))];
  let isRolling = true;
  const load = async () => {
    while (isRolling) expect(await traffic.run(20)).toMatchObject({ failed: 0 });
  };
  const busy = load();
  for (const replica of replicas) {
    const { ended } = replica;
    await replica.stop();
    expect(await ended).toBe("code 0");
    await replica.start();
  }
  isRolling = false;
  await busy;
  // All stop in the midst of deletes that no later change repeats.
  await traffic.cacheAll();
  expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
  await Promise.all(replicas.map((replica) => replica.stop()));
  await Promise.all(replicas.map((replica) => replica.start()));
  await scenario.expectHealed();
  const messages = await messagesIn(system);
  for (const pool of ["profiles", "teams"]) {
    const done = replicas.reduce((sum, replica) => sum + eventsIn(replica, pool), 0);
    console.log(`rolling restart, pool ${pool}: ${done - messages} of ${messages} events done twice`);
    expect(done).toBeGreaterThanOrEqual(messages);
    // What waits for its deletes when its partition moves is done again: here that is much of what comes.
    expect(done).toBeLessThanOrEqual(messages * (pool === "profiles" ? 1.5 : 1.05));
  }
});

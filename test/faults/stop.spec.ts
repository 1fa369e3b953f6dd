import { expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { countedEvents } from "../support/checker.ts";
import { CrashPoint } from "../support/crash-point.ts";
import { readTopic } from "../support/event-log.ts";
import { ownBroker } from "../support/own-servers.ts";
import { publish } from "../support/publish.ts";
import { type RunningApp, type System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario } from "./scenario.ts";

/** Long enough for a stop that has nothing to wait for, short for a test that waits for the other one. */
const stopTimeoutMs = "4000";

/** Resolves once the relay holds a transaction open: it has taken rows and waits for the broker. */
async function untilRelaySends({ databaseUrl }: System): Promise<void> {
  const sending = `SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction' AND query LIKE '%outbox_events%'`;
  await waitFor(async () => (await query(databaseUrl, sending)).rowCount === 1, {
    timeoutMs: 30_000,
    describe: "the relay to send a batch",
  });
}

/** Sends SIGTERM and nothing else, however long it takes; answers how the process ended. */
async function askToEnd(app: RunningApp): Promise<string> {
  if (app.pid === undefined) throw new Error(`${app.name} does not run`);
  process.kill(app.pid, "SIGTERM");
  return app.ended;
}

test("a broker that is gone for good holds up no stop: what is left is named, and it is done after the next start", async () => {
  const broker = await ownBroker();
  const crash = new CrashPoint("freshet:kafka.dead-letter");
  await using scenario = await Scenario.begin({
    brokers: [broker.address],
    profiles: 3,
    service: { env: { STOP_TIMEOUT_MS: stopTimeoutMs } },
    invalidator: { nodeArgs: crash.nodeArgs, env: { ...crash.env, STOP_TIMEOUT_MS: stopTimeoutMs } },
  });
  const { system, service, invalidator, traffic } = scenario;
  const [unreadable = ""] = traffic.ids;

  // In one batch: sent one after the other, each with its own time-out, they would hold up a stop for minutes.
  invalidator.pause();
  const letters = Array.from({ length: 20 }, (_, index) => ({ key: unreadable, value: `not JSON ${index}` }));
  await publish(system.brokers, system.topic, letters);
  crash.armAgainst(broker, "SIGSTOP");
  invalidator.resume();
  await waitFor(() => !crash.isArmed, {
    describe: "a dead letter under way and the broker frozen",
    timeoutMs: 30_000,
  });
  expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
  await untilRelaySends(system);

  expect(await Promise.all([askToEnd(invalidator), askToEnd(service)])).toEqual(["code 1", "code 1"]);
  // The broker froze at the first pool's letters: the other pool may have fetched nothing yet.
  expect(invalidator.log()).toMatch(/"unfinished":\{"(profiles|teams)":\["profile\.events\.v1\/\d+@\d+"\]/);
  expect(service.log()).toMatch(/"relay":"\w+".*the stop took longer/);

  broker.resume();
  await Promise.all([invalidator.start(), service.start()]);
  await scenario.expectHealed();
  const parked = await readTopic(system.brokers, `${system.topic}.dlt`);
  for (const pool of ["profiles", "teams"]) {
    const own = parked.filter(({ headers }) => headers["freshet-pool"] === pool);
    // A send whose fate was unknown was repeated.
    expect(new Set(own.map(({ value }) => value?.toString()))).toEqual(
      new Set(letters.map(({ value }) => value)),
    );
  }
});

test("a stop under traffic does what is in hand, and leaves nothing", async () => {
  await using scenario = await Scenario.begin();
  const { service, invalidator, traffic } = scenario;
  for (let round = 1; round <= 2; round += 1) {
    const busy = Promise.all([1, 2, 3, 4].map(() => traffic.run(60)));
    await waitFor(async () => (await countedEvents([invalidator.url], "profiles")) >= 5 * round, {
      describe: "events to be invalidated",
    });
    expect(await askToEnd(invalidator), invalidator.log().slice(-2_000)).toBe("code 0");
    await busy;
    await invalidator.start();
  }
  await scenario.expectHealed();
  expect(await Promise.all([askToEnd(invalidator), askToEnd(service)])).toEqual(["code 0", "code 0"]);
});

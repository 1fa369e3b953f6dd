import { expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { checkCache, untilQuiet } from "../support/checker.ts";
import { CrashPoint } from "../support/crash-point.ts";
import { checkEvents } from "../support/event-log.ts";
import { ownPgBouncer, pgBouncerMissing } from "../support/pgbouncer.ts";
import { type RunningApp, System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";

const connections = 4;

test("behind PgBouncer in transaction mode two replicas write and publish, and one that dies with a claim delays it only", async ({
  skip,
}) => {
  skip(pgBouncerMissing !== undefined, pgBouncerMissing);
  await using system = await System.create();
  const { databaseUrl } = await ownPgBouncer(system.databaseUrl, { connections });
  const crash = new CrashPoint("freshet:outbox.claimed");
  const start = async (env: Record<string, string>, nodeArgs: readonly string[] = []): Promise<RunningApp> =>
    system.startService({ env: { DATABASE_URL: databaseUrl, ...env }, nodeArgs });
  const [doomed, other] = await Promise.all([
    start(crash.env, crash.nodeArgs),
    start({}),
    system.startInvalidator(),
  ]);
  const living = (): string => (doomed.pid === undefined ? other.url : doomed.url);
  const [atDoomed, atOther] = [new Traffic(living), new Traffic(other.url, { seed: 2 })];
  await Promise.all([atDoomed.createAll(), atOther.createAll()]);
  await untilQuiet(system);
  await Promise.all([atDoomed.cacheAll(), atOther.cacheAll()]);

  crash.arm();
  const unharmed = Promise.all([1, 2].map(() => atOther.run(25)));
  // Either replica may take the rows of both: until the doomed one has.
  while (doomed.pid !== undefined) await atDoomed.run(5);
  expect(await doomed.ended).toBe("signal SIGKILL");
  for (const { failed } of await unharmed) expect(failed).toBe(0);
  await untilQuiet(system);
  expect((await checkCache(system)).violations).toEqual([]);

  await doomed.start();
  await Promise.all([atDoomed.touchAll(), atOther.touchAll()]);
  await untilQuiet(system);
  expect((await checkCache(system)).violations).toEqual([]);
  expect((await checkEvents(system)).problems).toEqual([]);
  // All of it went through these few connections: what a session remembers, another transaction would have met.
  const { rowCount } = await query(
    system.databaseUrl,
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
  );
  expect(rowCount).toBeGreaterThan(0);
  expect(rowCount).toBeLessThanOrEqual(connections);
});

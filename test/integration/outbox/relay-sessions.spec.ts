// What becomes of a relay's session at PostgreSQL: one that stands still, and one that is ended.
import { type OutboxClient } from "@freshet/outbox";
import { expect, test } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { Harness } from "./harness.ts";

test("a relay that stands still in its batch loses the lock, and another one publishes its rows", async () => {
  await using harness = await Harness.open();
  // As PostgreSQL sees a frozen process: a transaction that holds the lock and the rows and goes on with nothing.
  const frozen = await harness.pool.connect();
  frozen.on("error", () => undefined);
  await harness.add("1", 1);
  await frozen.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = 300;
    SELECT pg_advisory_xact_lock(1718776680, 'outbox_events'::regclass::oid::int);
    DELETE FROM outbox_events`);
  harness.relay({ lockTimeoutMs: 50 }).start();
  await waitFor(() => harness.state === "standby", { describe: "the relay to stand by" });
  await waitFor(() => harness.log.length === 1, { describe: "the event" });
  frozen.release(true);
});

test("PostgreSQL is told to end a relay's transaction that stands still for 5 s longer than a batch may take", async () => {
  await using harness = await Harness.open();
  let connection: OutboxClient | undefined;
  let bound: unknown;
  const relay = harness.relay({
    publishTimeoutMs: 1_234,
    pool: { connect: async () => (connection = await harness.pool.connect()) },
    publish: async (messages) => {
      bound = (await connection?.query("SHOW idle_in_transaction_session_timeout"))?.rows;
      return messages.map(() => "published" as const);
    },
  });
  await harness.add("1", 1);
  relay.start();
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  expect(bound).toEqual([{ idle_in_transaction_session_timeout: "6234ms" }]);
});

test("a session that PostgreSQL ends in the middle of a batch costs nothing but a repetition", async () => {
  await using harness = await Harness.open();
  let kill = true;
  const relay = harness.relay({
    publish: async (messages) => {
      harness.log.push(...messages);
      if (kill) {
        kill = false;
        await harness.pool.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`,
        );
        // The relay's connection learns of it while no statement of it is under way.
        await waitFor(async () => (await harness.openTransactions()).length === 0, { describe: "its end" });
      }
      return messages.map(() => "published" as const);
    },
  });
  await harness.add("1", 1);
  relay.start();
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  expect(harness.published()).toEqual(["1@1", "1@1"]);
  expect(harness.events).toContainEqual(expect.objectContaining({ type: "state", state: "database_down" }));
});

test("a session that PostgreSQL ends while nothing waits is replaced without a word, and the next wake is served", async () => {
  await using harness = await Harness.open();
  // No poll comes to its help.
  const relay = harness.relay({ pollIntervalMs: 60_000 });
  relay.start();
  await harness.add("1", 1);
  relay.wake();
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  const sessionOfRelay = async () => {
    const { rows } = await harness.pool.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND state = 'idle'`,
    );
    return rows.map(({ pid }) => pid);
  };
  const ended = await sessionOfRelay();
  await harness.pool.query("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", [ended]);
  await waitFor(async () => (await sessionOfRelay()).some((pid) => !ended.includes(pid)), {
    describe: "a new session of the relay",
  });
  await harness.add("1", 2);
  relay.wake();
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty again" });
  expect(harness.published()).toEqual(["1@1", "1@2"]);
  expect(harness.events).not.toContainEqual(expect.objectContaining({ state: "database_down" }));
});

import pg from "pg";
import { expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { ownBroker } from "../../support/own-servers.ts";
import { waitFor } from "../../support/wait-for.ts";
import { metric, send, startService } from "./harness.ts";
import { ProfileEvents } from "./topic.ts";

test(
  "while the broker is away writes go on and no transaction stays open; afterwards all is published in order",
  { timeout: 180_000 },
  async () => {
    const broker = await ownBroker();
    const brokers = [broker.address];
    await using service = await startService({ kafka: { brokers } });
    const database = new pg.Client({ connectionString: service.databaseUrl });
    await database.connect();
    const id = uniqueName("p");
    const url = `${service.url}/profiles/${id}`;
    await send("POST", `${service.url}/profiles`, { id, handle: uniqueName("h"), displayName: "0" });
    await waitFor(async () => (await metric(service.internalUrl, "freshet_outbox_published_total")) === 1, {
      describe: "the first event",
    });

    await broker.kill();
    for (let n = 1; n <= 20; n += 1)
      expect((await send("PATCH", url, { displayName: String(n) })).status).toBe(200);
    await waitFor(
      async () =>
        (await metric(service.internalUrl, 'freshet_outbox_relay_state{state="broker_down"}')) === 1,
      { timeoutMs: 20_000, describe: "the relay to notice" },
    );
    const rows = () => metric(service.internalUrl, "freshet_outbox_rows");
    await waitFor(async () => (await rows()) === 20, { describe: "the backlog as a metric" });
    const age = await metric(service.internalUrl, "freshet_outbox_oldest_age_seconds");
    // Each measurement of a later age is a round of the relay: it has tried again meanwhile.
    await waitFor(
      async () => {
        expect(await openTransactions(database)).toEqual([]);
        return (await metric(service.internalUrl, "freshet_outbox_oldest_age_seconds")) > age + 2;
      },
      { describe: "more rounds of the relay" },
    );
    const ready = await send("GET", `${service.internalUrl}/health/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { checks: { outbox: { ok: true } } }]);

    await broker.start();
    await using events = await ProfileEvents.read(brokers);
    await waitFor(() => events.of(id).length >= 21, { timeoutMs: 30_000, describe: "all events" });
    const versions = events.of(id).map(({ data }) => data.version);
    expect(versions.filter((version, index) => versions.indexOf(version) === index)).toEqual(
      Array.from({ length: 21 }, (__, index) => index + 1),
    );
    await waitFor(async () => (await rows()) === 0, { describe: "the backlog to be gone" });
    await database.end();
  },
);

async function openTransactions(database: pg.Client): Promise<unknown[]> {
  const { rows } = await database.query<Record<string, unknown>>(
    `SELECT pid, state, query FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'`,
  );
  return rows;
}

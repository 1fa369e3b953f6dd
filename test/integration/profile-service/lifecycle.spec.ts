import { readdirSync } from "node:fs";
import pg from "pg";
import { expect, test } from "vitest";
import { migrate } from "../../../apps/profile-service/src/migrations.ts";
import { uniqueName } from "../../support/names.ts";
import { ownPostgres } from "../../support/own-servers.ts";
import { waitFor } from "../../support/wait-for.ts";
import { metric, send, startService } from "./harness.ts";
import { ProfileEvents } from "./topic.ts";

const profile = () => ({ id: uniqueName("p"), handle: uniqueName("h"), displayName: "Ada" });

test("with OUTBOX_RELAY=off a row is inserted and deleted in one transaction, for who reads the write-ahead log", async () => {
  await using service = await startService({ outboxRelay: false });
  expect((await send("POST", `${service.url}/profiles`, profile())).status).toBe(201);
  const inserted = "SELECT last_value::int AS seq, is_called FROM outbox_events_seq_seq";
  expect(await rows(service.databaseUrl, inserted)).toEqual([{ seq: 1, is_called: true }]);
  expect(await rows(service.databaseUrl, "SELECT seq FROM outbox_events")).toEqual([]);
});

test("PostgreSQL restarted: requests meanwhile are 503, afterwards served, and nothing committed is lost", async () => {
  const { server, databaseUrl } = await ownPostgres();
  await migrate(databaseUrl);
  await using service = await startService({ databaseUrl });
  await using events = await ProfileEvents.read();
  const { id, ...fields } = profile();
  const url = `${service.url}/profiles/${id}`;
  await send("POST", `${service.url}/profiles`, { id, ...fields });

  await server.kill();
  const refused = await send("PATCH", url, { displayName: "B" });
  expect([refused.status, refused.headers.get("content-type")]).toEqual([
    503,
    "application/problem+json; charset=utf-8",
  ]);
  expect((await send("GET", `${service.internalUrl}/health/ready`)).status).toBe(503);
  expect((await send("GET", `${service.internalUrl}/health/live`)).status).toBe(200);

  await server.start();
  await waitFor(async () => (await send("PATCH", url, { displayName: "C" })).status === 200, {
    timeoutMs: 60_000,
    describe: "the service to serve again",
  });
  await waitFor(() => events.of(id).some(({ data }) => data.version === 2), {
    timeoutMs: 60_000,
    describe: "the event",
  });
  expect((await send("GET", `${service.internalUrl}/health/ready`)).status).toBe(200);
});

test("a stop answers the request at hand, publishes its event, and takes no other request", async () => {
  const service = await startService();
  await using events = await ProfileEvents.read();
  const { id, ...fields } = profile();
  const url = `${service.url}/profiles/${id}`;
  await send("POST", `${service.url}/profiles`, { id, ...fields });

  const holder = new pg.Client({ connectionString: service.databaseUrl });
  await holder.connect();
  await holder.query("BEGIN");
  await holder.query("SELECT FROM profiles WHERE id = $1 FOR UPDATE", [id]);
  const patch = send("PATCH", url, { displayName: "B" });
  await waitFor(
    async () => {
      const waiting = await rows(
        service.databaseUrl,
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return waiting.length === 1;
    },
    { describe: "the request to wait for the row" },
  );
  const closed = service.close();
  await waitFor(async () => (await send("GET", url).catch(() => undefined))?.status !== 200, {
    describe: "other requests to be refused",
  });
  await holder.query("COMMIT");
  expect((await patch).status).toBe(200);
  await closed;
  await waitFor(() => events.of(id).length === 2, { describe: "the event" });
  await holder.end();
});

test("a port that is taken is named, and nothing is left running", async () => {
  await using service = await startService();
  const port = Number(new URL(service.url).port);
  await expect(startService({ databaseUrl: service.databaseUrl, port })).rejects.toThrow(`:${port}`);
  expect(await metric(service.internalUrl, "freshet_outbox_rows")).toBe(0);
});

test("migrations that several replicas run at once are applied once", async () => {
  await using service = await startService();
  await Promise.all([1, 2, 3].map(() => migrate(service.databaseUrl)));
  const folder = new URL("../../../apps/profile-service/migrations", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  expect(await rows(service.databaseUrl, "SELECT count(*)::int FROM drizzle.__drizzle_migrations")).toEqual([
    { count: files.length },
  ]);
});

async function rows(databaseUrl: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

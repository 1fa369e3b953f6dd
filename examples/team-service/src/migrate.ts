// Makes what is not there yet: the service's database, its table, and the outbox beside it. Run it before the service.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { readDatabase } from "./config.ts";

const { given, own, name } = readDatabase();
if (name !== undefined)
  await connected(given, async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  });
await connected(own, async (client) => {
  await client.query("BEGIN");
  await client.query("SELECT pg_advisory_xact_lock(3200)"); // two replicas may start at once
  const { rows } = await client.query<{ isDone: boolean }>(
    `SELECT to_regclass('teams') IS NOT NULL AS "isDone"`,
  );
  if (rows[0]?.isDone !== true) {
    await client.query("CREATE TABLE teams (id text PRIMARY KEY, name text, version bigint NOT NULL)");
    const outbox = fileURLToPath(import.meta.resolve("@freshet/outbox/schema.sql"));
    await client.query(readFileSync(outbox, "utf8"));
  }
  await client.query("COMMIT");
});

async function connected(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await work(client).finally(() => client.end());
}

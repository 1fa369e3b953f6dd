// Makes the service's database, its table, and the outbox beside it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { databaseUrl } from "./articles.ts";

const server = new URL(databaseUrl);
const name = server.pathname.slice(1);
server.pathname = "/postgres";
await connected(server.href, (client) => client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`));
await connected(databaseUrl, async (client) => {
  await client.query(
    "CREATE TABLE articles (id text PRIMARY KEY, version int NOT NULL, title text NOT NULL, author_id text NOT NULL)",
  );
  const outbox = fileURLToPath(import.meta.resolve("@freshet/outbox/schema.sql"));
  await client.query(readFileSync(outbox, "utf8"));
});
console.log(`made the database ${name}`);

async function connected(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await work(client).finally(() => client.end());
}

// The other files at work, on servers that the environment names. A test installs the packages from their tarballs
// into an empty project, compiles these files there and runs this one.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FreshetError } from "@freshet/contracts";
import pg from "pg";
import { startInvalidator } from "./invalidate.ts";
import { handedOver, keysOf } from "./plan.ts";
import { startRelay } from "./publish.ts";
import { noteReader } from "./read.ts";
import { createNote, renameNote } from "./write.ts";

const {
  DATABASE_URL = "",
  KAFKA_BROKERS = "127.0.0.1:9092",
  MEMCACHED_NOTES = "127.0.0.1:11211",
} = process.env;
const brokers = KAFKA_BROKERS.split(",");

assert.deepEqual(keysOf(handedOver), ["note:7", "notes_of_owner:ada", "notes_of_owner:grace"]);

const pool = new pg.Pool({ connectionString: DATABASE_URL });
await pool.query(
  "CREATE TABLE notes (id text PRIMARY KEY, version int NOT NULL, title text NOT NULL, owner_id text NOT NULL)",
);
await pool.query(await readFile(fileURLToPath(import.meta.resolve("@freshet/outbox/schema.sql")), "utf8"));
const relay = startRelay(pool, brokers);
const reader = noteReader(pool, MEMCACHED_NOTES);
const stopInvalidator = startInvalidator(brokers, MEMCACHED_NOTES);

await createNote(pool, { id: "7", title: "First", ownerId: "ada" });
relay.wake();
// The event of the creation deletes the key once more: the copy stays when it has passed.
await until(async () => (await titleOf("7")).outcome === "hit");
assert.equal((await titleOf("7")).title, "First");

await renameNote(pool, "7", "Second");
relay.wake();
await until(async () => (await titleOf("7")).title === "Second");
await until(async () => (await titleOf("7")).outcome === "hit");

await assert.rejects(
  createNote(pool, { id: "x".repeat(2_000), title: "No", ownerId: "ada" }),
  (error) => error instanceof FreshetError && error.code === "EVENT_INVALID",
);

await stopInvalidator();
await relay.stop();
reader.close();
await pool.end();
console.log("written, published, read, invalidated, read anew");

async function titleOf(id: string) {
  const { value, outcome } = await reader.read(id);
  return { title: value?.title, outcome };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; !(await isSo()); attempt += 1) {
    assert.ok(attempt < 3_000, "it did not come to pass within a minute");
    await delay(20);
  }
}

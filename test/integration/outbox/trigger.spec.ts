// Writes that bypass the service, as a person at psql or a migration does them.
import { type ChangeEvent, decodeChangeEvent, defineChangeEvent } from "@freshet/contracts";
import { createOutbox, outboxTriggerSql, type OutboxTriggerOptions, serviceWrites } from "@freshet/outbox";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { Database } from "../../../apps/profile-service/src/database.ts";
import { ProfileChanged } from "../../../apps/profile-service/src/events.ts";
import { migrate } from "../../../apps/profile-service/src/migrations.ts";
import { freshDatabase } from "../../support/database.ts";
import { waitFor } from "../../support/wait-for.ts";
import { Harness } from "./harness.ts";

const MemberChanged = defineChangeEvent({
  type: "MemberChanged",
  entity: "member",
  topic: "member.events.v1",
  fields: ["name", "teams", "address"],
  routing: z.object({
    name: z.string(),
    teams: z.array(z.string()),
    badge: z.int().optional(),
  }),
});

const outbox = createOutbox({ source: "members" });

const members: OutboxTriggerOptions<typeof MemberChanged> = {
  source: "members",
  event: MemberChanged,
  table: "members",
  idColumn: "id",
  versionColumn: "version",
  columns: { name: "full name", teams: "team_ids", address: "address", badge: "badge" },
};

const tableSql = `CREATE TABLE members (id text PRIMARY KEY, version bigint NOT NULL, "full name" text,
  team_ids text[] NOT NULL DEFAULT '{}', address json, badge bigint, seen_at timestamptz)`;

async function withTrigger(options: Partial<typeof members> = {}): Promise<Harness> {
  const harness = await Harness.open();
  await harness.pool.query(tableSql);
  await harness.pool.query(outboxTriggerSql({ ...members, ...options }));
  return harness;
}

/** What the relay publishes now, decoded as the invalidator decodes it. */
async function published(harness: Harness): Promise<ChangeEvent[]> {
  harness.log.length = 0;
  const relay = harness.relay();
  relay.start();
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  await relay.stop();
  return harness.log.map(({ key, value, headers }) => {
    const decoded = decodeChangeEvent({ key, value: Buffer.from(value), headers });
    if (!decoded.ok) throw new Error(`${decoded.reason}: ${decoded.detail}`);
    expect(key).toBe(decoded.event.subject);
    return decoded.event;
  });
}

/** The same, as `id@version change: fields`. */
async function told(harness: Harness): Promise<string[]> {
  return (await published(harness)).map(
    ({ subject, data: { version, change, changedFields } }) =>
      `${subject}@${version} ${change}${changedFields ? `: ${changedFields.join(",")}` : ""}`,
  );
}

test("inserts, updates of one and of many rows and deletes are published with all that a service would say", async () => {
  await using harness = await withTrigger();
  const sql = (text: string) => harness.pool.query(text);
  await sql(
    `INSERT INTO members (id, "full name", team_ids, badge) VALUES ('1', 'Ada', '{t1}', 7), ('2', 'Bob', '{}', NULL)`,
  );
  await sql(`UPDATE members SET "full name" = 'Ada L', team_ids = '{t1,t2}' WHERE id = '1'`);
  await sql(`UPDATE members SET address = '{"city":"Ulm"}'`);
  await sql(`DELETE FROM members WHERE id = '2'`);

  const before = { name: "Ada", teams: ["t1"], badge: 7 };
  const after = { name: "Ada L", teams: ["t1", "t2"], badge: 7 };
  const bob = { name: "Bob", teams: [], badge: null };
  const data = (await published(harness))
    .map((event) => ({ subject: event.subject, ...event.data }))
    // PostgreSQL updates rows in no order; that of one entity is what is promised.
    .sort((one, other) => one.subject.localeCompare(other.subject));
  expect(data).toEqual([
    { subject: "1", version: 1, change: "created", before: null, after: before },
    { subject: "1", version: 2, change: "updated", changedFields: ["name", "teams"], before, after },
    { subject: "1", version: 3, change: "updated", changedFields: ["address"], before: after, after },
    { subject: "2", version: 1, change: "created", before: null, after: bob },
    { subject: "2", version: 2, change: "updated", changedFields: ["address"], before: bob, after: bob },
    { subject: "2", version: 3, change: "deleted", before: bob, after: null },
  ]);
  expect((await sql("SELECT id, version FROM members")).rows).toEqual([{ id: "1", version: "3" }]);
});

test("the event says its source, its topic, its time and an id by which it sorts", async () => {
  await using harness = await withTrigger();
  const startedMs = Date.now();
  await harness.pool.query(`INSERT INTO members (id, "full name") VALUES ('1', 'Ada')`);
  const [event] = await published(harness);
  expect(event).toMatchObject({ specversion: "1.0", source: "members", type: "MemberChanged", subject: "1" });
  expect(event?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const timeMs = Date.parse(event?.time ?? "");
  expect(Number.parseInt((event?.id ?? "").replaceAll("-", "").slice(0, 12), 16) - timeMs).toBeLessThan(2);
  expect(Math.abs(timeMs - startedMs)).toBeLessThan(600_000);
  expect(harness.log[0]).toMatchObject({ topic: "member.events.v1", key: "1" });
});

test("a write that changes nothing announced makes no version and no event; a version that is set rises and is told", async () => {
  await using harness = await withTrigger();
  const sql = (text: string) => harness.pool.query(text);
  await sql(`INSERT INTO members (id, "full name") VALUES ('1', 'Ada')`);
  await sql(`UPDATE members SET seen_at = now(), "full name" = 'Ada'`);
  await sql(`UPDATE members SET version = version - 1`);
  expect(await told(harness)).toEqual(["1@1 created"]);
  await sql(`UPDATE members SET version = 10`);
  await sql(`UPDATE members SET "full name" = 'Ada L', version = 3`);
  await sql(`INSERT INTO members (id, "full name") VALUES ('1', 'x') ON CONFLICT DO NOTHING`);
  await sql(
    `INSERT INTO members (id, "full name") VALUES ('1', 'Eve') ON CONFLICT (id) DO UPDATE SET "full name" = 'Eve'`,
  );
  expect(await told(harness)).toEqual(["1@10 updated: ", "1@11 updated: name", "1@12 updated: name"]);
});

test("a service that says so writes the event itself, once; the next transaction of its connection is told again", async () => {
  await using harness = await withTrigger();
  await harness.transaction(async (client) => {
    await serviceWrites(client);
    await client.query(`INSERT INTO members (id, version, "full name") VALUES ('1', 1, 'Ada')`);
    const after = { name: "Ada", teams: [], address: null };
    await outbox.add(client, MemberChanged, { id: "1", version: 1, before: null, after });
    await harness.pool.query(`INSERT INTO members (id, "full name") VALUES ('beside', 'Bob')`);
  });
  expect((await told(harness)).sort()).toEqual(["1@1 created", "beside@1 created"]);

  const client = await harness.pool.connect();
  await client.query("BEGIN");
  await serviceWrites(client);
  await client.query(`UPDATE members SET "full name" = 'Eve', version = 2 WHERE id = '1'`);
  await client.query("ROLLBACK");
  await client.query(`UPDATE members SET "full name" = 'Eve' WHERE id = '1'`);
  client.release();
  expect(await told(harness)).toEqual(["1@2 updated: name"]);
});

test("an id that comes back, or moves to another row, goes on after its last version", async () => {
  await using harness = await withTrigger();
  const sql = (text: string) => harness.pool.query(text);
  await sql(`INSERT INTO members (id, version, "full name") VALUES ('1', 5, 'Ada'), ('2', 9, 'Bob')`);
  await sql(`DELETE FROM members WHERE id = '2'`);
  await sql(`UPDATE members SET id = '2' WHERE id = '1'`);
  await sql(`UPDATE members SET id = '1' WHERE id = '2'`);
  expect(await told(harness)).toEqual([
    ...["1@5 created", "2@9 created", "2@10 deleted", "1@6 deleted", "2@11 created", "2@12 deleted"],
    "1@11 created",
  ]);
  // A service reads back what it inserted.
  await harness.transaction(async (client) => {
    await serviceWrites(client);
    const insert = `INSERT INTO members (id, version, "full name") VALUES ('2', 1, 'Eve') RETURNING version`;
    expect((await client.query(insert)).rows).toEqual([{ version: "13" }]);
  });
});

test("an id that is inserted while its deletion commits is refused rather than given an old version", async () => {
  await using harness = await withTrigger();
  await harness.pool.query(`INSERT INTO members (id, version, "full name") VALUES ('1', 5, 'Ada')`);
  const insert = `INSERT INTO members (id, "full name") VALUES ('1', 'Eve')`;
  let inserting: Promise<unknown> = Promise.resolve();
  await harness.transaction(async (client) => {
    await client.query(`DELETE FROM members WHERE id = '1'`);
    inserting = harness.pool.query(insert).catch((error: unknown) => error);
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await waitFor(async () => (await harness.pool.query(waiting)).rowCount, {
      describe: "the insert to wait",
    });
  });
  expect(await inserting).toMatchObject({ code: "40001" });
  await harness.pool.query(insert);
  expect(await told(harness)).toEqual(["1@5 created", "1@6 deleted", "1@7 created"]);
});

test("what could not be decoded, or would not fit, is refused and changes nothing", async () => {
  await using harness = await withTrigger();
  const insert = (columns: string, values: string) =>
    harness.pool.query(`INSERT INTO members (${columns}) VALUES (${values})`);
  await expect(insert("id", "'1'")).rejects.toThrow("EVENT_INVALID: MemberChanged name: no string");
  await expect(insert(`id, "full name", team_ids`, "'1', 'Ada', '{t1,NULL}'")).rejects.toThrow(
    "teams: no [string]",
  );
  await expect(insert(`id, "full name", badge`, "'1', 'Ada', 9007199254740993")).rejects.toThrow(
    "badge: no integer?",
  );
  await expect(insert(`id, "full name"`, "repeat('x', 1025), 'Ada'")).rejects.toThrow("MemberChanged id");
  await expect(insert(`id, "full name"`, "'1', repeat('x', 70000)")).rejects.toThrow(
    "OUTBOX_EVENT_TOO_LARGE",
  );
  await expect(harness.pool.query("TRUNCATE members")).rejects.toThrow("TRUNCATE tells no row");
  expect((await harness.pool.query("SELECT FROM members")).rowCount).toBe(0);
  expect(await harness.waiting()).toBe(0);
});

test("with the relay off the row is gone again when the transaction ends: Debezium has read it", async () => {
  await using harness = await withTrigger({ relay: "off" });
  await harness.pool.query(`INSERT INTO members (id, "full name") VALUES ('1', 'Ada')`);
  expect(await harness.waiting()).toBe(0);
  expect((await harness.pool.query("SELECT nextval('outbox_events_seq_seq')::int AS next")).rows).toEqual([
    { next: 2 },
  ]);
});

test("installing it again replaces it: no event comes twice", async () => {
  await using harness = await withTrigger();
  await harness.pool.query(outboxTriggerSql({ ...members, table: "public.members" }));
  await harness.pool.query(`INSERT INTO members (id, "full name") VALUES ('1', 'Ada')`);
  expect(await told(harness)).toEqual(["1@1 created"]);
});

test("a caller with another search path writes to the same outbox", async () => {
  await using harness = await withTrigger();
  await harness.transaction(async (client) => {
    await client.query("SET LOCAL search_path TO pg_temp");
    await client.query(`INSERT INTO public.members (id, "full name") VALUES ('1', 'Ada')`);
  });
  expect(await told(harness)).toEqual(["1@1 created"]);
});

test("a row that stays as a mark of a deleted entity, as in the profile service, is told as deleted and created", async () => {
  const databaseUrl = await freshDatabase();
  await migrate(databaseUrl);
  await using harness = Harness.on(databaseUrl);
  const columns = {
    handle: "handle",
    displayName: "display_name",
    avatarUrl: "avatar_url",
    bio: "bio",
    teamIds: "team_ids",
  };
  const sql = outboxTriggerSql({
    source: "profile-service",
    event: ProfileChanged,
    table: "profiles",
    idColumn: "id",
    versionColumn: "version",
    columns,
    deletedWhenNull: "handle",
  });
  await harness.pool.query(sql);
  const run = (text: string) => harness.pool.query(text);
  await run(`INSERT INTO profiles (id, handle, display_name, updated_at) VALUES ('42', 'ada', 'Ada', now())`);
  await run(`UPDATE profiles SET handle = NULL, display_name = NULL`);
  await run(`UPDATE profiles SET bio = 'nobody'`);
  await run(`UPDATE profiles SET handle = 'ada', display_name = 'Ada again'`);
  expect(await told(harness)).toEqual(["42@1 created", "42@2 deleted", "42@4 created"]);

  const service = new Database(databaseUrl, () => undefined);
  await service.transaction((tx) => tx.execute("UPDATE profiles SET bio = 'Poet', version = version + 1"));
  await service.close();
  await run(`DELETE FROM profiles`);
  expect(await told(harness)).toEqual(["42@6 deleted"]);
});

test("whatever is written, versions of an id only rise, and the last event of each says what its row is", async () => {
  await using harness = await withTrigger();
  const id = fc.constantFrom("'a'", "'b'", "'c'");
  const name = fc.constantFrom("'x'", "'y'");
  const statement = fc.oneof(
    fc
      .tuple(id, name)
      .map(
        ([key, value]) =>
          `INSERT INTO members (id, "full name") VALUES (${key}, ${value}) ON CONFLICT (id) DO UPDATE SET "full name" = ${value}`,
      ),
    fc.tuple(id, name).map(([key, value]) => `UPDATE members SET "full name" = ${value} WHERE id >= ${key}`),
    id.map((key) => `DELETE FROM members WHERE id = ${key}`),
    fc
      .tuple(id, fc.nat(20))
      .map(([key, version]) => `UPDATE members SET version = ${version} WHERE id = ${key}`),
    fc
      .tuple(id, id)
      .map(
        ([from, to]) =>
          `UPDATE members SET id = ${to} WHERE id = ${from} AND NOT EXISTS (SELECT FROM members WHERE id = ${to})`,
      ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(statement, { minLength: 5, maxLength: 12 }), async (statements) => {
      for (const text of statements) await harness.pool.query(text);
    }),
    { numRuns: 25 },
  );
  const last = new Map<string, ChangeEvent["data"]>();
  for (const { subject, data } of await published(harness)) {
    expect(data.version).toBeGreaterThan(last.get(subject)?.version ?? 0);
    last.set(subject, data);
  }
  const { rows } = await harness.pool.query<{ id: string; version: string; name: string }>(
    `SELECT id, version, "full name" AS name FROM members`,
  );
  const living = [...last].filter(([, { change }]) => change !== "deleted");
  expect(
    living.map(([subject, { version, after }]) => [subject, String(version), after?.["name"]]).sort(),
  ).toEqual(rows.map((row) => [row.id, row.version, row.name]).sort());
});

test("names that are no identifiers, and columns that are missing, are refused", () => {
  expect(() => outboxTriggerSql({ ...members, table: "a\0b" })).toThrow("is not an identifier");
  expect(() => outboxTriggerSql({ ...members, idColumn: "" })).toThrow("idColumn");
  expect(() => outboxTriggerSql({ ...members, versionColumn: "x$freshet$" })).toThrow("versionColumn");
  const { name, ...columns } = members.columns;
  expect(name).toBe("full name");
  // @ts-expect-error a type test: a field without a column must not compile
  expect(() => outboxTriggerSql({ ...members, columns })).toThrow("columns.name");
});

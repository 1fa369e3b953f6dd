// `freshet replay` and `freshet repair` on real nodes, a real topic and a real table of their own.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeChangeEvent } from "@freshet/contracts";
import { ensureTopics } from "@freshet/kafka";
import { afterAll, expect, inject, test } from "vitest";
import { query } from "../../../scripts/local/postgres.mjs";
import { freshet } from "../../support/cli.ts";
import { freshDatabase } from "../../support/database.ts";
import { readKey, writeKey } from "../../support/memcached-inspector.ts";
import { uniqueName } from "../../support/names.ts";
import { ownMemcachedNode } from "../../support/own-servers.ts";
import { publish, withAdmin } from "../kafka/support.ts";

const folder = mkdtempSync(join(tmpdir(), "freshet-by-hand-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A view by id and one by handle, in a pool of one node. */
async function deployment() {
  const topic = `${uniqueName("hand")}.events.v1`;
  const node = await ownMemcachedNode();
  await withAdmin((kafka) => ensureTopics(kafka, [{ topic, partitions: 1 }]));
  const dir = mkdtempSync(join(folder, "manifests-"));
  const event = `Thing${uniqueName("x").replaceAll(/\W/g, "")}`;
  writeFileSync(join(dir, "pools.yaml"), `freshet: 1\npools: { p: { nodes: ["${node.address}"] } }\n`);
  const on = (param: string) => [{ event, params: { x: param } }];
  const manifest = {
    freshet: 1,
    service: "s",
    publishes: { [event]: { entity: "thing", topic, fields: ["name"], routing: { handle: "string" } } },
    views: {
      by_id: { key: "by_id:{x}", pool: "p", dependsOn: on("subject"), onChange: { refresh: "/v/by_id" } },
      by_handle: { key: "by_handle:{x}", pool: "p", dependsOn: on("handle") },
    },
  };
  writeFileSync(join(dir, "s.json"), JSON.stringify(manifest));
  const env = { KAFKA_BROKERS: inject("kafkaBrokers").join(","), MANIFESTS_DIR: dir };
  const asJson = async (args: readonly string[], more: Record<string, string> = {}, signal?: AbortSignal) => {
    const options = { env: { ...env, ...more }, ...(signal === undefined ? {} : { signal }) };
    const { exitCode, stdout } = await freshet([...args, "--json"], options);
    return { exitCode, data: JSON.parse(stdout) as Record<string, unknown> };
  };
  const keysThere = async (keys: readonly string[]) => {
    const found: string[] = [];
    for (const key of keys) if ((await readKey(node.address, key)) !== undefined) found.push(key);
    return found;
  };
  const cache = async (keys: readonly string[]) => {
    for (const key of keys) await writeKey(node.address, key, "x");
  };
  return { topic, event, asJson, keysThere, cache };
}

function changed(type: string, subject: string, before: string, after: string): string {
  const data = {
    version: 2,
    change: "updated" as const,
    changedFields: ["name"],
    before: { handle: before },
    after: { handle: after },
  };
  return encodeChangeEvent({ specversion: "1.0", id: uniqueName("e"), source: "s", type, subject, data })
    .value;
}

test("replay deletes the keys of its range and no others, and none in a dry run", async () => {
  const { topic, event, asJson, keysThere, cache } = await deployment();
  const keys = ["by_id:1", "by_handle:old", "by_handle:new", "by_id:2", "by_handle:two", "by_id:garbage"];
  await cache(keys);
  await publish(topic, [changed(event, "1", "old", "new"), changed(event, "2", "two", "two")]);
  await publish(topic, ["not an event"], "garbage");
  const first = ["replay", "--topic", topic, "--from", "0@0", "--to", "0@1"];
  const views = [
    { pool: "p", view: "by_handle", keys: 2 },
    { pool: "p", view: "by_id", keys: 1 },
  ];
  expect(await asJson([...first, "--dry-run"])).toMatchObject({ exitCode: 0, data: { events: 1, views } });
  expect(await keysThere(keys)).toEqual(keys);
  expect(await asJson(first)).toMatchObject({ exitCode: 0, data: { events: 1, of: 1, views } });
  expect(await keysThere(keys)).toEqual(["by_id:2", "by_handle:two", "by_id:garbage"]);
  expect(await asJson(["replay", "--from", "beginning"])).toMatchObject({
    exitCode: 0,
    data: { events: 3, undecodable: 1 },
  });
  expect(await keysThere(keys)).toEqual([]);
});

test("replay refuses what it can't mean, before anything is deleted", async () => {
  const { topic, asJson } = await deployment();
  const refused = (code: string) => ({ exitCode: 2, data: { error: { code } } });
  expect(await asJson(["replay", "--from", "beginning", "--pool", "q"])).toMatchObject(
    refused("POOL_UNKNOWN"),
  );
  expect(await asJson(["replay", "--from", "beginning", "--topic", "other.events.v1"])).toMatchObject(
    refused("KAFKA_TOPIC_UNKNOWN"),
  );
  for (const range of [
    ["--from", "yesterday"],
    ["--from", "5m", "--to", "1h"],
    ["--topic", topic, "--from", "0@7", "--to", "0@3"],
    ["--topic", topic, "--from", "0@99999"],
    ["--topic", topic, "--from", "7@0"],
  ])
    expect(await asJson(["replay", ...range])).toMatchObject(refused("CLI_USAGE"));
});

test("repair deletes what follows from the rows that changed, and says what it can't know", async () => {
  const { event, asJson, keysThere, cache } = await deployment();
  const databaseUrl = await freshDatabase();
  await query(
    databaseUrl,
    `CREATE TABLE things (id text, handle text, at timestamptz);
     INSERT INTO things VALUES ('1', 'new', now()), ('gone', NULL, now()), ('2', 'two', now() - interval '1 day');
     INSERT INTO things SELECT 'n' || n, 'h' || n, now() FROM generate_series(1, 2500) n`,
  );
  const sql = join(folder, "things.sql");
  writeFileSync(
    sql,
    "SELECT id AS subject, handle FROM things WHERE at >= current_setting('freshet.since')::timestamptz;\n",
  );
  const keys = ["by_id:1", "by_handle:new", "by_handle:old", "by_id:gone", "by_id:2", "by_id:n2500"];
  await cache(keys);
  const env = { DATABASE_URL: databaseUrl };
  const args = ["repair", "--event", event, "--sql", sql];
  expect(await asJson([...args, "--since", "2h"], env)).toMatchObject({
    exitCode: 0,
    data: {
      rows: 2_502,
      of: 2_502,
      unplanned: 1,
      views: [
        { view: "by_handle", keys: 2_501 },
        { view: "by_id", keys: 2_502 },
      ],
      incomplete: [{ pool: "p", view: "by_handle", by: ["handle"] }],
      otherEvents: [],
    },
  });
  expect(await keysThere(keys)).toEqual(["by_handle:old", "by_id:2"]);
  expect(await asJson([...args, "--all"], env)).toMatchObject({ exitCode: 0, data: { rows: 2_503 } });
  expect(await keysThere(keys)).toEqual(["by_handle:old"]);

  // At ten keys a second it would take minutes: Ctrl-C ends the wait at once.
  const stop = AbortSignal.timeout(500);
  expect(await asJson([...args, "--all", "--rate", "10"], env, stop)).toMatchObject({
    exitCode: 130,
    data: { interrupted: true },
  });
});

test("repair runs one SELECT and nothing else, and names a column that is missing", async () => {
  const { event, asJson } = await deployment();
  const databaseUrl = await freshDatabase();
  await query(
    databaseUrl,
    "CREATE TABLE things (id text, handle text); INSERT INTO things VALUES ('1', 'a')",
  );
  const repair = (text: string) => {
    const sql = join(folder, `${uniqueName("q")}.sql`);
    writeFileSync(sql, text);
    return asJson(["repair", "--event", event, "--sql", sql, "--all"], { DATABASE_URL: databaseUrl });
  };
  const refused = (code: string, message: string) => ({
    exitCode: 2,
    data: { error: { code, message: expect.stringContaining(message) as string } },
  });
  expect(await repair("SELECT id AS subject FROM things")).toMatchObject(
    refused("REPAIR_ROWS_INVALID", "column handle is missing"),
  );
  expect(await repair("SELECT 1; DROP TABLE things")).toMatchObject(refused("DATABASE_FAILED", "multiple"));
  expect(await repair("DELETE FROM things RETURNING id")).toMatchObject(refused("DATABASE_FAILED", "syntax"));
  expect((await query(databaseUrl, "SELECT * FROM things")).rows).toHaveLength(1);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { query } from "../../../scripts/local/postgres.mjs";
import { uniqueName } from "../../support/names.ts";
import { send, startService } from "./harness.ts";

let service: Awaited<ReturnType<typeof startService>>;
beforeAll(async () => {
  service = await startService();
});
afterAll(async () => {
  await service.close();
});

const body = () => ({ handle: uniqueName("h"), displayName: "Ada" });
const post = (request: object, key: string) =>
  send("POST", `${service.url}/profiles`, request, { "idempotency-key": key });
const sql = async (text: string) => (await query(service.databaseUrl, text)).rows as unknown[];
test("a request that is sent again is answered as it was, and makes nothing", async () => {
  const [key, request] = [uniqueName("key"), { ...body(), bio: "first" }];
  const first = await post(request, key);
  const made = await first.text();
  const { id } = JSON.parse(made) as { id: string };
  await send("PATCH", `${service.url}/profiles/${id}`, { bio: "changed since" });
  // Another order of the fields, and a default that is spelled out, are the same request.
  const again = await post({ teamIds: [], ...request }, key);
  expect([again.status, await again.text()]).toEqual([201, made]);
  for (const header of ["etag", "location", "freshness-token"])
    expect(again.headers.get(header)).toBe(first.headers.get(header));
  expect([first, again].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
  expect(await sql(`SELECT id, version::int FROM profiles WHERE handle = '${request.handle}'`)).toEqual([
    { id, version: 2 },
  ]);
});

test("of ten that are sent at once one creates, and all get its answer", async () => {
  const [key, request] = [uniqueName("key"), body()];
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(request, key)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
  expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1);
  expect(answers.filter(({ headers }) => headers.has("idempotency-replayed"))).toHaveLength(9);
});

test("another request under the same key is 422 and changes nothing", async () => {
  const key = uniqueName("key");
  await post(body(), key);
  const other = body();
  const answer = await post(other, key);
  expect([answer.status, await answer.json()]).toMatchObject([
    422,
    { errors: [{ field: "Idempotency-Key" }] },
  ]);
  expect((await send("GET", `${service.url}/profiles/by-handle/${other.handle}`)).status).toBe(404);
});

test("a request that failed is not remembered: it may succeed later under the same key", async () => {
  const [key, request] = [uniqueName("key"), body()];
  const holder = (await (await send("POST", `${service.url}/profiles`, request)).json()) as { id: string };
  expect((await post(request, key)).status).toBe(409);
  await send("DELETE", `${service.url}/profiles/${holder.id}`);
  const created = await post(request, key);
  expect([created.status, created.headers.get("idempotency-replayed")]).toEqual([201, null]);
});

test("after a day a key is free again, and new ones remove what has expired, a little each", async () => {
  const [key, request] = [uniqueName("key"), body()];
  await post(request, key);
  await sql(`INSERT INTO idempotency_keys (key, request_hash, profile_id, version, updated_at, created_at)
    SELECT 'old' || n, '', 'nobody', 1, now(), now() - interval '2 days' FROM generate_series(1, 15) n`);
  await sql(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = '${key}'`);
  const fresh = await post(body(), key);
  expect([fresh.status, fresh.headers.get("idempotency-replayed")]).toEqual([201, null]);
  const old = "SELECT count(*)::int FROM idempotency_keys WHERE key LIKE 'old%'";
  expect(await sql(old)).toEqual([{ count: 5 }]);
  await post(body(), uniqueName("key"));
  expect(await sql(old)).toEqual([{ count: 0 }]);
});

test("what is kept holds nothing personal", async () => {
  const [key, name] = [uniqueName("key"), uniqueName("Personal Name")];
  const request = { handle: uniqueName("secret-handle"), displayName: name, bio: name };
  await post(request, key);
  const kept = JSON.stringify(await sql(`SELECT * FROM idempotency_keys WHERE key = '${key}'`));
  expect(kept).toContain(key);
  for (const personal of [name, request.handle]) expect(kept).not.toContain(personal);
});

test.each([
  ["is empty", ""],
  ["has a blank", "a b"],
  ["is longer than 255 characters", "x".repeat(256)],
])("a key that %s is 400 and named", async (_, key) => {
  const answer = await post(body(), key);
  expect([answer.status, await answer.json()]).toMatchObject([
    400,
    { errors: [{ field: "Idempotency-Key" }] },
  ]);
});

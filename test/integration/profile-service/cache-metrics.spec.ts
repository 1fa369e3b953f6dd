import { expect, inject, test } from "vitest";
import pg from "pg";
import { uniqueName } from "../../support/names.ts";
import { peek, raw } from "../cache/raw.ts";
import { metric, send, startService } from "./harness.ts";

const view = "user_profile";
const reads = (outcome: string) => `freshet_cache_reads_total{view="${view}",outcome="${outcome}"}`;
const fills = (outcome: string) => `freshet_cache_fills_total{view="${view}",outcome="${outcome}"}`;
const loadSeconds = (part: "count" | "sum") => `freshet_cache_load_seconds_${part}{view="${view}"}`;
const ports = () => inject("memcachedNodes").map((node) => Number(node.split(":").at(-1)));

test("hits, misses, fills and the seconds of loads are counted by view", async () => {
  await using service = await startService();
  const counted = (name: string) => metric(service.internalUrl, name);
  const id = uniqueName("p");
  for (let read = 0; read < 3; read++) await send("GET", `${service.url}/profiles/${id}`);
  expect(await counted(reads("absent"))).toBe(1);
  expect(await counted(reads("hit"))).toBe(2);
  expect(await counted(fills("stored"))).toBe(1);
  expect(await counted(loadSeconds("count"))).toBe(1);
  expect(await counted(loadSeconds("sum"))).toBeGreaterThan(0);
  await send("GET", `${service.url}/profiles/${id}`, undefined, { "cache-control": "no-cache" });
  expect(await counted(reads("bypass"))).toBe(1);
  expect(await counted(loadSeconds("count"))).toBe(2);
  expect(await counted(fills("stored"))).toBe(1);
});

test("a fill that is refused since its key was deleted during the load is counted by that reason", async () => {
  await using service = await startService();
  const id = uniqueName("p");
  const key = `user_profile:${id}`;
  const lock = new pg.Client(service.databaseUrl);
  await lock.connect();
  try {
    await lock.query("BEGIN; LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE");
    const read = send("GET", `${service.url}/profiles/${id}`);
    const standing = async () => (await Promise.all(ports().map((port) => peek(port, key)))).join("");
    await expect.poll(standing, { timeout: 30_000 }).toContain(`{"l":`);
    for (const port of ports()) await raw(port, `delete ${key}`);
    await lock.query("COMMIT");
    expect((await read).status).toBe(404);
  } finally {
    await lock.end();
  }
  expect(await metric(service.internalUrl, fills("invalidated"))).toBe(1);
});

test("without memcached the misses, the fills and the calls that failed say so", async () => {
  const node = "127.0.0.1:1";
  const away = { nodes: node, previousNodes: "" };
  await using service = await startService({ pools: { profiles: away, teams: away } });
  const counted = (name: string) => metric(service.internalUrl, name);
  await send("GET", `${service.url}/profiles/${uniqueName("p")}`);
  expect(await counted(reads("unavailable"))).toBe(1);
  expect(await counted(fills("not_captured"))).toBe(1);
  expect(await counted(`freshet_cache_errors_total{node="${node}",code="CACHE_CONNECTION"}`)).toBeGreaterThan(
    0,
  );
});

import { describe, expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { send, startService } from "./harness.ts";

// The bus refreshes the key of the id, so that the writer leaves it alone; that of the handle it deletes itself.
const reads = [
  ["by id", (id: string) => `/profiles/${id}`, { cache: "HIT", displayName: "Ada", version: 1 }],
  [
    "by handle",
    (_id: string, handle: string) => `/profiles/by-handle/${handle}`,
    { cache: "MISS", displayName: "Ada L.", version: 2 },
  ],
] as const;

describe.each(reads)("a read %s", (_, path, afterWrite) => {
  test("is a miss, then a hit; after a write a miss with the new version, unless the bus refreshes the key", async () => {
    await using service = await startService();
    const [id, handle] = [uniqueName("p"), uniqueName("h")];
    const read = () => send("GET", service.url + path(id, handle));
    await send("POST", `${service.url}/profiles`, { id, handle, displayName: "Ada" });
    expect((await read()).headers.get("x-cache")).toBe("MISS");
    const hit = await read();
    expect(hit.headers.get("x-cache")).toBe("HIT");
    expect(hit.headers.get("etag")).toBe('"1"');
    expect(hit.headers.get("freshness-token")).toBe(`profile:${id}=1`);
    await send("PATCH", `${service.url}/profiles/${id}`, { displayName: "Ada L." });
    const again = await read();
    const { cache, ...seen } = afterWrite;
    expect(again.headers.get("x-cache")).toBe(cache);
    expect(await again.json()).toMatchObject({ id, handle, ...seen });
  });

  test("with WRITER_DELETE off shows the old version: only the bus would delete it", async () => {
    await using service = await startService({ writerDelete: false });
    const [id, handle] = [uniqueName("p"), uniqueName("h")];
    const read = () => send("GET", service.url + path(id, handle));
    await send("POST", `${service.url}/profiles`, { id, handle, displayName: "Ada" });
    await read();
    await send("PATCH", `${service.url}/profiles/${id}`, { displayName: "Ada L." });
    const stale = await read();
    expect(stale.headers.get("x-cache")).toBe("HIT");
    expect(await stale.json()).toMatchObject({ displayName: "Ada", version: 1 });
  });

  test("with Cache-Control: no-cache asks the primary and leaves the cache as it is", async () => {
    await using service = await startService({ writerDelete: false });
    const [id, handle] = [uniqueName("p"), uniqueName("h")];
    const read = (headers = {}) => send("GET", service.url + path(id, handle), undefined, headers);
    await send("POST", `${service.url}/profiles`, { id, handle, displayName: "Ada" });
    await read();
    await send("PATCH", `${service.url}/profiles/${id}`, { displayName: "Ada L." });
    const bypass = await read({ "cache-control": "no-cache" });
    expect(bypass.headers.get("x-cache")).toBe("BYPASS");
    expect(await bypass.json()).toMatchObject({ displayName: "Ada L.", version: 2 });
    expect((await read()).headers.get("x-cache")).toBe("HIT");
  });

  test("with Min-Version above what is cached loads anew: a caller sees its own write", async () => {
    await using service = await startService({ writerDelete: false });
    const [id, handle] = [uniqueName("p"), uniqueName("h")];
    const read = (headers = {}) => send("GET", service.url + path(id, handle), undefined, headers);
    await send("POST", `${service.url}/profiles`, { id, handle, displayName: "Ada" });
    await read();
    const write = await send("PATCH", `${service.url}/profiles/${id}`, { displayName: "Ada L." });
    const own = await read({ "min-version": write.headers.get("freshness-token") ?? "" });
    expect(own.headers.get("x-cache")).toBe("MISS");
    expect(await own.json()).toMatchObject({ version: 2 });
    expect((await read()).headers.get("etag")).toBe('"2"');
  });

  test("of what does not exist is 404, cached, and found by who has created it", async () => {
    await using service = await startService();
    const [id, handle] = [uniqueName("p"), uniqueName("h")];
    const read = (headers = {}) => send("GET", service.url + path(id, handle), undefined, headers);
    const absent = await read();
    expect([absent.status, absent.headers.get("x-cache")]).toEqual([404, "MISS"]);
    const cached = await read();
    expect([cached.status, cached.headers.get("x-cache")]).toEqual([404, "HIT"]);
    const write = await send("POST", `${service.url}/profiles`, { id, handle, displayName: "Ada" });
    const own = { "min-version": write.headers.get("freshness-token") ?? "" };
    expect((await read(own)).status).toBe(200);
    await send("DELETE", `${service.url}/profiles/${id}`);
    expect((await read()).status).toBe(404);
  });
});

test("after a new handle the old one is free and the new one found, cached copies of both gone", async () => {
  await using service = await startService();
  const [id, before, after] = [uniqueName("p"), uniqueName("h"), uniqueName("h")];
  const byHandle = (handle: string) => send("GET", `${service.url}/profiles/by-handle/${handle}`);
  await send("POST", `${service.url}/profiles`, { id, handle: before, displayName: "Ada" });
  expect([(await byHandle(before)).status, (await byHandle(after)).status]).toEqual([200, 404]);
  await send("PATCH", `${service.url}/profiles/${id}`, { handle: after });
  expect([(await byHandle(before)).status, (await byHandle(after)).status]).toEqual([404, 200]);
});

test("with every memcached node away reads and writes go on", async () => {
  const away = { nodes: "127.0.0.1:1,127.0.0.1:2", previousNodes: "" };
  await using service = await startService({ pools: { profiles: away, teams: away } });
  const [id, handle] = [uniqueName("p"), uniqueName("h")];
  expect((await send("POST", `${service.url}/profiles`, { id, handle, displayName: "Ada" })).status).toBe(
    201,
  );
  expect((await send("PATCH", `${service.url}/profiles/${id}`, { displayName: "B" })).status).toBe(200);
  expect(await (await send("GET", `${service.url}/profiles/${id}`)).json()).toMatchObject({ version: 2 });
});

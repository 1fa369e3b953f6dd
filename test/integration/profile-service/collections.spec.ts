import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { Proxy } from "../cache/proxy.ts";
import { metric, send, startService } from "./harness.ts";

let service: Awaited<ReturnType<typeof startService>>;
beforeAll(async () => {
  service = await startService({ writerDelete: false });
});
afterAll(async () => {
  await service.close();
});

interface Profile {
  readonly id: string;
  readonly displayName: string;
  readonly version: number;
}
interface Page {
  readonly profiles: readonly Profile[];
  readonly nextCursor: string | null;
}

async function create(url: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uniqueName("p"));
  const bodies = ids.map((id) => ({ id, handle: id, displayName: "Ada" }));
  await Promise.all(bodies.map((body) => send("POST", `${url}/profiles`, body)));
  return ids;
}

describe("the list", () => {
  const page = async (query: string, url = service.url) => {
    const answer = await send("GET", `${url}/profiles${query}`);
    expect(answer.status).toBe(200);
    return (await answer.json()) as Page;
  };

  test("gives every living profile once, page by page, whatever is created and deleted between the pages", async () => {
    await using own = await startService();
    const ids = (await create(own.url, 11)).sort();
    const deleted = ids.splice(4, 1)[0] ?? "";
    await send("DELETE", `${own.url}/profiles/${deleted}`);
    const first = await page("?limit=4", own.url);
    expect(first.profiles.map(({ id }) => id)).toEqual(ids.slice(0, 4));
    // One that the next page would begin with, one before it, and one after all.
    await send("DELETE", `${own.url}/profiles/${ids[4] ?? ""}`);
    for (const id of ["0-before", "zz-after"])
      await send("POST", `${own.url}/profiles`, { id, handle: id, displayName: "Ada" });
    const second = await page(`?limit=4&cursor=${first.nextCursor ?? ""}`, own.url);
    expect(second.profiles.map(({ id }) => id)).toEqual(ids.slice(5, 9));
    const third = await page(`?limit=4&cursor=${second.nextCursor ?? ""}`, own.url);
    expect(third).toMatchObject({ profiles: [{ id: ids[9] }, { id: "zz-after" }], nextCursor: null });
  });

  test("has twenty on a page unless it is asked for another number", async () => {
    await create(service.url, 21);
    expect((await page("")).profiles).toHaveLength(20);
    expect((await page("?limit=1")).profiles).toHaveLength(1);
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=1.5", "limit"],
    ["limit=1&limit=2", "limit"],
    ["cursor=", "cursor"],
    ["cursor=%1b%5B2J", "cursor"],
    [`cursor=${"x".repeat(200)}`, "cursor"],
    ["offset=3", "offset"],
  ])("?%s is 400 and names %s", async (query, field) => {
    const answer = await send("GET", `${service.url}/profiles?${query}`);
    expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ field }] }]);
  });
});

describe("a batch get", () => {
  const batch = async (ids: unknown, headers: Record<string, string> = {}, url = service.url) => {
    const answer = await send("POST", `${url}/profiles:batchGet`, { ids }, headers);
    expect(answer.status).toBe(200);
    return (await answer.json()) as { found: Profile[]; missing: string[] };
  };

  test("answers each id once, found or missing, in the order asked", async () => {
    const [first = "", second = "", gone = ""] = await create(service.url, 3);
    await send("DELETE", `${service.url}/profiles/${gone}`);
    const { found, missing } = await batch([second, gone, first, "nobody", second]);
    expect(found.map(({ id }) => id)).toEqual([second, first]);
    expect(missing).toEqual([gone, "nobody"]);
  });

  test("takes one round trip per node, and asks nothing of the primary, when all are cached", async () => {
    const [nodeA = "", nodeB = ""] = inject("memcachedNodes").map((node) => node.split(":")[1]);
    await using proxyA = await Proxy.before({ port: Number(nodeA) });
    await using proxyB = await Proxy.before({ port: Number(nodeB) });
    const away = { nodes: inject("teamsNodes").join(","), previousNodes: "" };
    const nodes = `${proxyA.node.name},${proxyB.node.name}`;
    await using own = await startService({
      writerDelete: false,
      pools: { profiles: { nodes, previousNodes: "" }, teams: away },
    });
    const ids = await create(own.url, 60);
    await batch(ids, {}, own.url);
    const loads = () => metric(own.internalUrl, 'freshet_cache_load_seconds_count{view="user_profile"}');
    const before = [proxyA.roundTrips, proxyB.roundTrips, await loads()];
    expect((await batch(ids, {}, own.url)).found).toHaveLength(60);
    expect(before[2]).toBe(1);
    expect([proxyA.roundTrips, proxyB.roundTrips, await loads()]).toEqual(
      before.map((count, index) => (index < 2 ? count + 1 : count)),
    );
  });

  test("shows a caller its own write by Min-Version, and what the primary has by Cache-Control: no-cache", async () => {
    const ids = await create(service.url, 2);
    const [mine = "", other = ""] = ids;
    await batch(ids);
    const write = await send("PATCH", `${service.url}/profiles/${mine}`, { displayName: "B" });
    await send("PATCH", `${service.url}/profiles/${other}`, { displayName: "B" });
    const names = ({ found }: { found: Profile[] }) => found.map(({ displayName }) => displayName);
    expect(names(await batch(ids))).toEqual(["Ada", "Ada"]);
    expect(names(await batch(ids, { "cache-control": "no-cache" }))).toEqual(["B", "B"]);
    expect(names(await batch(ids))).toEqual(["Ada", "Ada"]);
    expect(names(await batch(ids, { "min-version": write.headers.get("freshness-token") ?? "" }))).toEqual([
      "B",
      "Ada",
    ]);
  });

  test.each([
    ["no ids", {}, "ids"],
    ["an empty list", { ids: [] }, "ids"],
    ["101 ids", { ids: Array.from({ length: 101 }, (_, n) => `p${n}`) }, "ids"],
    ["an id with a terminal escape", { ids: ["42", "\u001b[2J"] }, "ids.1"],
    ["a field besides", { ids: ["42"], fields: ["handle"] }, "fields"],
  ])("of %s is 400 and names it", async (_, body, field) => {
    const answer = await send("POST", `${service.url}/profiles:batchGet`, body);
    expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ field }] }]);
  });
});

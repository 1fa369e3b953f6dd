import { randomUUID } from "node:crypto";
import { type CacheEvent, type FillOutcome, type Loaded, ReadThroughCache, versioned } from "@freshet/cache";
import { defineView, encodeCachedValue, tag } from "@freshet/contracts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { freePort, Memcached } from "./memcached.ts";
import { ProfileChanged } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { blindSet, peek, raw, ttlOf } from "./raw.ts";

/** Any number of keys, of which nobody knows which ones a profile is in. */
const search = defineView({
  name: "search_results",
  key: "search:{scope}:{query}",
  pool: "profiles",
  value: z.array(z.string()),
  tags: [tag("search:{scope}", ProfileChanged, { params: { scope: "handle" } })],
});

/** Its members are known only after the load. */
const page = defineView({
  name: "member_page",
  key: "member_page:{scope}",
  pool: "profiles",
  value: z.array(z.string()),
  tags: [
    tag("pages:{scope}", ProfileChanged, { params: { scope: "handle" } }),
    tag("member:{memberId}", ProfileChanged, { params: { memberId: "subject" }, members: true }),
  ],
});

let memcached: Memcached;
let caches: ReadThroughCache[];
let fills: FillOutcome[];
let misses: string[];
let loads: number;
/** Unique to the test: the tag of every query in it. */
let scope: string;
let tagKey: string;
/** What the primary would answer now. */
let rows: string[];

beforeAll(async () => {
  memcached = await Memcached.start();
});
beforeEach(() => {
  caches = [];
  fills = [];
  misses = [];
  loads = 0;
  scope = randomUUID();
  tagKey = `t:search:${scope}`;
  rows = ["ada"];
});
afterEach(() => {
  for (const cache of caches) cache.close();
});
afterAll(() => memcached[Symbol.asyncDispose]());

function cacheOn(nodes: string): ReadThroughCache {
  const on = (event: CacheEvent) => {
    if (event.type === "fill") fills.push(event.outcome);
    if (event.type === "miss") misses.push(event.reason);
    if (event.type === "load") loads++;
  };
  const cache = new ReadThroughCache({ pools: { profiles: { nodes } }, limits: { timeoutMs: 2_000 }, on });
  caches.push(cache);
  return cache;
}

/** Reads through a cache; `meanwhile` happens after the load's snapshot. */
function find(cache: ReadThroughCache, query: string, meanwhile: () => unknown = () => undefined) {
  return cache.read(search, { scope, query }, async () => {
    const found = [...rows];
    await meanwhile();
    return versioned<string[]>([], found);
  });
}

/** A commit, and the acknowledged delete of the tag that follows from its event. */
async function changeAndInvalidate(...next: string[]): Promise<void> {
  rows = next;
  await raw(memcached.port, `delete ${tagKey}`);
}

describe("a value with tags", () => {
  it("remembers the tokens that it was built under", async () => {
    await find(cacheOn(memcached.node.name), "a");
    const token = (await peek(memcached.port, tagKey)) ?? "";
    expect(token).toMatch(/^[0-9a-f]{16}$/);
    expect(await peek(memcached.port, `search:${scope}:a`)).toBe(
      `{"vs":{},"d":["ada"],"t":{"${tagKey}":"${token}"}}`,
    );
    expect(await ttlOf(memcached.port, tagKey)).toBeGreaterThan(7_190);
  });

  it("takes two round trips for a hit", async () => {
    await using proxy = await Proxy.before(memcached);
    const cache = cacheOn(proxy.node.name);
    await find(cache, "a");
    const before = proxy.roundTrips;
    expect(await find(cache, "a")).toMatchObject({ outcome: "hit", value: ["ada"] });
    expect(proxy.roundTrips).toBe(before + 2);
  });

  it("is gone with its tag, and so is every other one under that tag", async () => {
    const cache = cacheOn(memcached.node.name);
    for (const query of ["a", "b", "c"]) await find(cache, query);
    await changeAndInvalidate("ada", "bob");
    for (const query of ["a", "b", "c"])
      expect(await find(cache, query)).toMatchObject({ outcome: "miss", value: ["ada", "bob"] });
    expect(misses.slice(3)).toEqual(["tag_changed", "tag_changed", "tag_changed"]);
    for (const query of ["a", "b", "c"]) expect(await find(cache, query)).toMatchObject({ outcome: "hit" });
  });

  it("is a miss when it was stored before the view had the tag", async () => {
    await blindSet(memcached.port, `search:${scope}:a`, encodeCachedValue({ versions: {}, data: ["old"] }));
    expect(await find(cacheOn(memcached.node.name), "a")).toMatchObject({ outcome: "miss", value: ["ada"] });
  });

  it("is not cached when the node of its tag does not answer", async () => {
    const away = `127.0.0.1:${await freePort()}`;
    const cache = cacheOn(`${memcached.node.name},${away}`);
    for (let query = 0; query < 20; query++)
      expect((await find(cache, String(query))).value).toEqual(["ada"]);
    const stored = fills.filter((outcome) => outcome === "stored").length;
    const isTagHere = (await peek(memcached.port, tagKey)) !== undefined;
    expect(stored > 0).toBe(isTagHere);
  });

  it("is not cached under a counter, which may come back after it was deleted", async () => {
    await blindSet(memcached.port, tagKey, "1");
    expect((await find(cacheOn(memcached.node.name), "a")).value).toEqual(["ada"]);
    expect(fills).toEqual(["not_captured"]);
  });

  it("is read in getMany like any other", async () => {
    const cache = cacheOn(memcached.node.name);
    const params = ["a", "b", "c"].map((query) => ({ scope, query }));
    const load = (missing: readonly unknown[]) =>
      Promise.resolve(missing.map(() => versioned<string[]>([], [...rows])));
    await cache.getMany(search, params, load);
    await cache.getMany(search, params, load);
    expect(loads).toBe(1);
    await changeAndInvalidate("bob");
    expect(await cache.getMany(search, params, load)).toEqual([["bob"], ["bob"], ["bob"]]);
  });
});

describe("a tag that is deleted while a load is under way", () => {
  it("leaves a value that is never a hit", async () => {
    const cache = cacheOn(memcached.node.name);
    const slow = await find(cache, "a", () => changeAndInvalidate("bob"));
    expect(slow.value).toEqual(["ada"]);
    expect(fills).toEqual(["stored"]);
    expect(await find(cache, "a")).toMatchObject({ outcome: "miss", value: ["bob"] });
    expect(await find(cache, "a")).toMatchObject({ outcome: "hit", value: ["bob"] });
  });

  it("and was given a new token by another reader: the value under the old one is never a hit", async () => {
    const [cache, other] = [cacheOn(memcached.node.name), cacheOn(memcached.node.name)];
    const load = heldLoad();
    const slow = find(cache, "a", load.hold);
    await load.begun;
    await changeAndInvalidate("bob");
    await find(other, "b");
    load.release();
    expect((await slow).value).toEqual(["ada"]);
    expect(await find(other, "a")).toMatchObject({ outcome: "miss", value: ["bob"] });
  });

  it("naively captured after the load, lets the old value be a hit for good", async () => {
    const cache = cacheOn(memcached.node.name);
    const old = [...rows];
    await changeAndInvalidate("bob");
    await find(cache, "other");
    const token = (await peek(memcached.port, tagKey)) ?? "";
    const value = encodeCachedValue({ versions: {}, data: old, tags: { [tagKey]: token } });
    await blindSet(memcached.port, `search:${scope}:a`, value);
    expect(await find(cache, "a")).toMatchObject({ outcome: "hit", value: ["ada"] });
  });

  it("naively added again with the same token, lets the old value be a hit for good", async () => {
    const cache = cacheOn(memcached.node.name);
    await find(cache, "a");
    const token = (await peek(memcached.port, tagKey)) ?? "";
    await changeAndInvalidate("bob");
    await raw(memcached.port, `add ${tagKey} 0 60 ${token.length}\r\n${token}`);
    expect(await find(cache, "a")).toMatchObject({ outcome: "hit", value: ["ada"] });
  });

  it("is given a token that it never had, so that no add that is executed late brings a value back", async () => {
    const cache = cacheOn(memcached.node.name);
    const tokens = new Set<string | undefined>();
    for (let round = 0; round < 3; round++) {
      await find(cache, "a");
      tokens.add(await peek(memcached.port, tagKey));
      await changeAndInvalidate("bob");
    }
    expect(tokens.size).toBe(3);
  });

  it("ends the sharing of that load: the key itself still stands as it was", async () => {
    const cache = cacheOn(memcached.node.name);
    await find(cache, "a");
    await changeAndInvalidate("bob");
    const load = heldLoad();
    const earlier = find(cache, "a", load.hold);
    await load.begun;
    await changeAndInvalidate("eve");
    expect((await find(cache, "a")).value).toEqual(["eve"]);
    load.release();
    expect((await earlier).value).toEqual(["bob"]);
    expect((await find(cache, "a")).value).toEqual(["eve"]);
  });
});

describe("tags of members that only the load reveals", () => {
  function readPage(cache: ReadThroughCache, meanwhile: (load: number) => unknown = () => undefined) {
    let count = 0;
    return cache.read(page, { scope }, async (): Promise<Loaded<string[]>> => {
      const members = [...rows];
      await meanwhile(++count);
      return versioned<string[]>([], members, {
        members: members.map((name) => ({ memberId: `${scope}-${name}` })),
      });
    });
  }

  function memberTag(name: string): string {
    return `t:member:${scope}-${name}`;
  }

  it("are captured before a second load, which is what is cached", async () => {
    const cache = cacheOn(memcached.node.name);
    expect((await readPage(cache)).value).toEqual(["ada"]);
    expect(loads).toBe(2);
    const stored = (await peek(memcached.port, `member_page:${scope}`)) ?? "";
    expect(stored).toContain(memberTag("ada"));
    expect(stored).toContain(`t:pages:${scope}`);
    expect((await readPage(cache)).outcome).toBe("hit");
  });

  it("need no second load where there are no members", async () => {
    rows = [];
    const cache = cacheOn(memcached.node.name);
    expect((await readPage(cache)).value).toEqual([]);
    expect(loads).toBe(1);
    expect((await readPage(cache)).outcome).toBe("hit");
  });

  it("make the value a miss when the tag of one member is deleted", async () => {
    rows = ["ada", "bob"];
    const cache = cacheOn(memcached.node.name);
    await readPage(cache);
    await raw(memcached.port, `delete ${memberTag("bob")}`);
    expect((await readPage(cache)).outcome).toBe("miss");
  });

  it("keep a value from the cache whose members changed between the two loads", async () => {
    const cache = cacheOn(memcached.node.name);
    const result = await readPage(cache, (load) => {
      if (load === 1) rows = ["ada", "bob"];
    });
    expect(result.value).toEqual(["ada", "bob"]);
    expect(fills).toEqual(["not_captured"]);
    expect((await readPage(cache)).outcome).toBe("miss");
  });

  it("revoke a value when one of them is deleted during the second load", async () => {
    const cache = cacheOn(memcached.node.name);
    await readPage(cache, async (load) => {
      if (load === 2) await raw(memcached.port, `delete ${memberTag("ada")}`);
    });
    expect((await readPage(cache)).outcome).toBe("miss");
  });
});

/** A load that has taken its snapshot when `begun` resolves, and answers after `release`. */
function heldLoad(): { hold: () => Promise<void>; begun: Promise<void>; release: () => void } {
  let begin: () => void = () => undefined;
  let release: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  const hold = () => {
    begin();
    return released;
  };
  return { hold, begun, release };
}

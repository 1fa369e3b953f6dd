import { randomUUID } from "node:crypto";
import {
  CachePool,
  type CreateDriver,
  type FillOutcome,
  MemjsDriver,
  MetaDriver,
  ReadThroughCache,
  refresh,
  type RefreshedValue,
} from "@freshet/cache";
import { type CacheKey, decodeCached, encodeCachedValue, renderKey } from "@freshet/contracts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort, Memcached } from "./memcached.ts";
import { Primary, userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { blindSet, peek, raw } from "./raw.ts";

// As in races.spec.ts: each race is played by hand. What others do meanwhile happens inside the loader, after it
// has taken its snapshot.

let memcached: Memcached;
let primary: Primary;
let pools: CachePool[];
let id: string;
let subject: string;
let key: CacheKey;

beforeAll(async () => {
  memcached = await Memcached.start();
});
beforeEach(() => {
  primary = new Primary();
  pools = [];
  id = randomUUID();
  subject = `profile:${id}`;
  key = renderKey(userProfile.key, { profileId: id });
});
afterEach(() => {
  for (const pool of pools) pool.close();
});
afterAll(() => memcached[Symbol.asyncDispose]());

const drivers: [string, CreateDriver][] = [
  ["memjs", (node, options) => new MemjsDriver(node, options)],
  ["the meta protocol", (node, options) => new MetaDriver(node, options)],
];

describe.each(drivers)("a refresh through %s", (_, createDriver) => {
  function poolOn(nodes: string, previousNodes = "", timeoutMs = 2_000): CachePool {
    const pool = new CachePool({ nodes, previousNodes }, createDriver, { timeoutMs });
    pools.push(pool);
    return pool;
  }

  /** `meanwhile` happens after the snapshot, in each round. */
  function refreshTo(version: number, meanwhile: () => unknown = () => undefined, pool?: CachePool) {
    const item = { key, subject, version, ttlSeconds: userProfile.ttlSeconds };
    return refresh(pool ?? poolOn(memcached.node.name), item, async () => {
      const loaded = valueOf(await primary.row(id));
      await meanwhile();
      return loaded;
    });
  }

  it("renews a value that is older than the event", async () => {
    await stands(valueOf(primary.commit(id)));
    const row = primary.commit(id);
    expect(await refreshTo(2)).toEqual({
      outcome: "stored",
      nodes: new Map([[memcached.node.name, "acknowledged"]]),
    });
    expect(await peek(memcached.port, key)).toBe(encodeCachedValue(valueOf(row)));
  });

  it("asks before each delete, and sends none where it is refused", async () => {
    let asked = 0;
    const pool = poolOn(memcached.node.name, `127.0.0.1:${await freePort()}`);
    const item = { key, subject, version: 1, ttlSeconds: 60 };
    const load = () => Promise.reject(new Error("away"));
    const beforeDelete = () => Promise.resolve(void (asked += 1));
    await stands(valueOf(primary.commit(id)));
    await refresh(pool, { ...item, version: 2 }, load, { beforeDelete });
    expect(asked).toBe(2); // of the former owner, and in place of the value
    await stands(valueOf(primary.commit(id)));
    const refused = refresh(pool, { ...item, version: 3 }, load, {
      beforeDelete: () => Promise.reject(new Error("no")),
    });
    await expect(refused).rejects.toThrow("no");
    expect(await peek(memcached.port, key)).toBeDefined();
  });

  it("does not load for an absent key, and leaves it absent", async () => {
    primary.commit(id);
    expect(await refreshTo(1)).toMatchObject({ outcome: "absent" });
    expect(await peek(memcached.port, key)).toBeUndefined();
    expect(primary.loads).toBe(0);
  });

  it("does not load for a value of the event's version: an event that arrives twice costs one look", async () => {
    await stands(valueOf(primary.commit(id)));
    expect(await refreshTo(1)).toMatchObject({ outcome: "newer" });
    expect(primary.loads).toBe(0);
  });

  it("renews a value that does not name the subject, whatever its other versions", async () => {
    primary.commit(id);
    await stands({ versions: { "profile:other": 9 }, data: {} });
    expect(await refreshTo(1)).toMatchObject({ outcome: "stored" });
    expect(await cachedVersion()).toBe(1);
  });

  it("stores over a lease, whose holder then fills nothing", async () => {
    primary.commit(id);
    const fills: FillOutcome[] = [];
    const cache = new ReadThroughCache({
      pools: { profiles: { nodes: memcached.node.name } },
      limits: { timeoutMs: 2_000 },
      on: (event) => {
        if (event.type === "fill") fills.push(event.outcome);
      },
    });
    primary.hold();
    const reading = cache.get(userProfile, { profileId: id }, primary.loader(id));
    await expect.poll(() => primary.held).toBe(1);
    const row = primary.commit(id);
    const item = { key, subject, version: 2, ttlSeconds: 60 };
    const renewed = await refresh(poolOn(memcached.node.name), item, () => Promise.resolve(valueOf(row)));
    expect(renewed).toMatchObject({ outcome: "stored" });
    primary.release();
    expect(await reading).toMatchObject({ version: 1 });
    expect(fills).toEqual(["overtaken"]);
    expect(await cachedVersion()).toBe(2);
    cache.close();
  });

  it("never survives a delete that comes while it loads", async () => {
    await stands(valueOf(primary.commit(id)));
    primary.commit(id);
    expect(await refreshTo(2, () => raw(memcached.port, `delete ${key}`))).toMatchObject({ outcome: "gone" });
    expect(await peek(memcached.port, key)).toBeUndefined();
  });

  it("naively captured after the load, an old row goes over a newer reader's lease for good", async () => {
    const old = valueOf(primary.commit(id));
    primary.commit(id);
    const lease = `{"l":"0123456789abcdef"}`;
    await blindSet(memcached.port, key, lease);
    const unique = / c(\d+)/.exec(await raw(memcached.port, `mg ${key} c`))?.[1] ?? "";
    const bytes = encodeCachedValue(old);
    await raw(memcached.port, `ms ${key} ${bytes.length} C${unique}\r\n${bytes}`);
    expect(await cachedVersion()).toBe(1);
  });

  it("goes round when a lease holder fills an old row over what it captured", async () => {
    const old = valueOf(primary.commit(id));
    await blindSet(memcached.port, key, `{"l":"0123456789abcdef"}`);
    primary.commit(id);
    const fillOnce = once(() => stands(old));
    expect(await refreshTo(2, fillOnce)).toMatchObject({ outcome: "stored" });
    expect(primary.loads).toBe(2);
    expect(await cachedVersion()).toBe(2);
  });

  it("never lowers a version: what is newer than its snapshot stays", async () => {
    await stands(valueOf(primary.commit(id)));
    primary.commit(id);
    const fillNewer = once(() => stands(valueOf(primary.commit(id))));
    expect(await refreshTo(2, fillNewer)).toMatchObject({ outcome: "newer" });
    expect(await cachedVersion()).toBe(3);
  });

  it("naively set, an older snapshot lowers the version", async () => {
    const old = valueOf(primary.commit(id));
    await stands(valueOf(primary.commit(id)));
    await stands(old);
    expect(await cachedVersion()).toBe(1);
  });

  it("beside another one: the newer row stays, whichever is the slower", async () => {
    await stands(valueOf(primary.commit(id)));
    primary.commit(id);
    const faster = once(async () => {
      primary.commit(id);
      expect(await refreshTo(3)).toMatchObject({ outcome: "stored" });
    });
    expect(await refreshTo(2, faster)).toMatchObject({ outcome: "newer" });
    expect(await cachedVersion()).toBe(3);
  });

  it("deletes after three rounds in which others wrote older values", async () => {
    const old = valueOf(primary.commit(id));
    await stands(old);
    primary.commit(id);
    expect(await refreshTo(2, () => stands(old))).toMatchObject({ outcome: "deleted", refusal: "overtaken" });
    expect(primary.loads).toBe(3);
    expect(await peek(memcached.port, key)).toBeUndefined();
  });

  it.each<[string, string, () => Promise<RefreshedValue>]>([
    ["the row is absent", "row_absent", () => Promise.resolve({ versions: { [subject]: 2 }, data: null })],
    [
      "the loaded row is older than the event",
      "load_too_old",
      () => Promise.resolve(valueOf({ version: 1 })),
    ],
    ["the row does not name the subject", "load_too_old", () => Promise.resolve({ versions: {}, data: 1 })],
    ["the service fails", "load_failed", () => Promise.reject(new Error("503"))],
    [
      "the value is too large",
      "too_large",
      () => Promise.resolve({ versions: { [subject]: 2 }, data: "x".repeat(1_000_001) }),
    ],
  ])("deletes when %s", async (_case, refusal, load) => {
    await stands(valueOf(primary.commit(id)));
    const item = { key, subject, version: 2, ttlSeconds: 60 };
    expect(await refresh(poolOn(memcached.node.name), item, load)).toMatchObject({
      outcome: "deleted",
      refusal,
    });
    expect(await peek(memcached.port, key)).toBeUndefined();
  });

  it("deletes when the connection changes while it loads: uniques may have started anew", async () => {
    await using own = await Memcached.start();
    const pool = poolOn(own.node.name);
    await blindSet(own.port, key, encodeCachedValue(valueOf(primary.commit(id))));
    primary.commit(id);
    const restart = async () => {
      await own.restart();
      await blindSet(own.port, key, encodeCachedValue(valueOf({ version: 1 })));
      await pool.driver(own.node.name).version();
    };
    expect(await refreshTo(2, restart, pool)).toMatchObject({
      outcome: "deleted",
      refusal: "connection_changed",
    });
    expect(await peek(own.port, key)).toBeUndefined();
  });

  it("tells of a node that falls silent before its cas is answered: whether it was stored is unknown", async () => {
    await using proxy = await Proxy.before(memcached);
    await stands(valueOf(primary.commit(id)));
    primary.commit(id);
    const fallSilent = () => {
      proxy.cut({ bytes: 0, then: "silence" });
    };
    const result = await refreshTo(2, fallSilent, poolOn(proxy.node.name, "", 500));
    expect(result).toMatchObject({ outcome: "unknown", refusal: "unavailable" });
    expect(result.nodes.get(proxy.node.name)).toMatchObject({ code: "CACHE_TIMEOUT" });
  });

  it("tells of a node that is away: its key is unknown", async () => {
    const node = `127.0.0.1:${await freePort()}`;
    const result = await refreshTo(1, undefined, poolOn(node));
    expect(result).toMatchObject({ outcome: "unknown", refusal: "unavailable" });
    expect(result.nodes.get(node)).toMatchObject({ code: "CACHE_CONNECTION" });
  });

  it("deletes on the owners under previous node lists, where readers may still look", async () => {
    await using second = await Memcached.start();
    const old = valueOf(primary.commit(id));
    await stands(old);
    await blindSet(second.port, key, encodeCachedValue(old));
    primary.commit(id);
    const result = await refreshTo(2, undefined, poolOn(memcached.node.name, second.node.name));
    expect(result.outcome).toBe("stored");
    expect([...result.nodes.values()]).toEqual(["acknowledged", "acknowledged"]);
    expect(await cachedVersion()).toBe(2);
    expect(await peek(second.port, key)).toBeUndefined();
  });
});

function valueOf(row: { readonly version: number } | undefined): RefreshedValue {
  return { versions: { [subject]: row?.version ?? 0 }, data: row ?? null };
}

/** As some reader's fill would leave it. */
async function stands(value: RefreshedValue): Promise<void> {
  await blindSet(memcached.port, key, encodeCachedValue(value));
}

async function cachedVersion(): Promise<number | undefined> {
  const cached = decodeCached(Buffer.from((await peek(memcached.port, key)) ?? ""));
  return cached.kind === "value" ? cached.versions[subject] : undefined;
}

function once(act: () => Promise<void>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await act();
  };
}

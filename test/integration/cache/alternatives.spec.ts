import { randomUUID } from "node:crypto";
import {
  BulkInvalidator,
  CachePool,
  type FillOutcome,
  MetaDriver,
  ReadThroughCache,
  refresh,
  versioned,
} from "@freshet/cache";
import {
  type CacheKey,
  decodeCached,
  defineView,
  encodeCachedValue,
  renderKey,
  tag,
} from "@freshet/contracts";
import memjs from "memjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { Memcached } from "./memcached.ts";
import { Primary, ProfileChanged, userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { blindSet, peek, raw, ttlOf } from "./raw.ts";

// The rows of "What the alternatives break" that races.spec.ts, refresh.spec.ts and tags.spec.ts do not play. Each
// alternative loses on a real node by the steps of its trace in test/model; ours is played by the same ones.

const lease = `{"l":"0123456789abcdef"}`;
const limits = { timeoutMs: 5_000 };

let memcached: Memcached;
let primary: Primary;
let caches: ReadThroughCache[];
let fills: FillOutcome[];
let id: string;
let key: CacheKey;

beforeAll(async () => {
  memcached = await Memcached.start();
});
beforeEach(() => {
  primary = new Primary();
  caches = [];
  fills = [];
  id = randomUUID();
  key = renderKey(userProfile.key, { profileId: id });
  primary.commit(id);
});
afterEach(() => {
  for (const cache of caches) cache.close();
});
afterAll(() => memcached[Symbol.asyncDispose]());

function cacheOn(nodes: string): ReadThroughCache {
  const cache = new ReadThroughCache({
    pools: { profiles: { nodes } },
    limits,
    on: (event) => {
      if (event.type === "fill") fills.push(event.outcome);
    },
  });
  caches.push(cache);
  return cache;
}

function valueOf(version: number): { versions: Record<string, number>; data: unknown } {
  return { versions: { [`profile:${id}`]: version }, data: { id, version, name: `name ${version}` } };
}

async function add(value: string, lifeSeconds = 60): Promise<string> {
  return raw(memcached.port, `add ${key} 0 ${lifeSeconds} ${Buffer.byteLength(value)}\r\n${value}`);
}

/** The version that a reader would take for a hit. */
async function cachedVersion(of: Memcached = memcached): Promise<number | undefined> {
  const cached = decodeCached(Buffer.from((await peek(of.port, key)) ?? ""));
  return cached.kind === "value" ? cached.versions[`profile:${id}`] : undefined;
}

describe("add after the load", () => {
  it("stores the old row for good: the delete found nothing, and left nothing", async () => {
    const loaded = await primary.row(id);
    primary.commit(id);
    await raw(memcached.port, `delete ${key}`);
    expect(await add(encodeCachedValue(valueOf(loaded?.version ?? 0)))).toContain("STORED");
    expect(await cachedVersion()).toBe(1);
  });
});

describe("a stub without a life", () => {
  it("keeps a key from being cached for ever when its holder dies, where only the holder may fill", async () => {
    await add(lease, 0);
    const anotherReader = await add(lease);
    expect(anotherReader).toContain("NOT_STORED");
    expect(await raw(memcached.port, `mg ${key} t`)).toContain("t-1");
  });

  it("is ours never: it lives 10 s, and whoever comes fills over it before that", async () => {
    primary.hold();
    const holder = cacheOn(memcached.node.name).get(userProfile, { profileId: id }, primary.loader(id));
    await expect.poll(() => primary.held).toBe(1);
    expect(await ttlOf(memcached.port, key)).toBeLessThanOrEqual(10);
    const next = cacheOn(memcached.node.name).get(userProfile, { profileId: id }, primary.loader(id));
    await expect.poll(() => primary.held).toBe(2);
    primary.release();
    await Promise.all([holder, next]);
    expect(fills.sort()).toEqual(["overtaken", "stored"]);
    expect(await cachedVersion()).toBe(1);
  });
});

describe("a tombstone without a lease", () => {
  it("is evicted between the check and the add, and the old row is stored for good", async () => {
    const loaded = await primary.row(id);
    primary.commit(id);
    await blindSet(memcached.port, key, "tombstone");
    await raw(memcached.port, `delete ${key}`);
    expect(await add(encodeCachedValue(valueOf(loaded?.version ?? 0)))).toContain("STORED");
    expect(await cachedVersion()).toBe(1);
  });

  it("is not needed by ours: after the delete there is nothing that the fill could replace", async () => {
    const cache = cacheOn(memcached.node.name);
    await cache.get(userProfile, { profileId: id }, async () => {
      const row = await primary.row(id);
      primary.commit(id);
      await raw(memcached.port, `delete ${key}`);
      return versioned(row);
    });
    expect(fills).toEqual(["invalidated"]);
    expect(await cachedVersion()).toBeUndefined();
  });
});

describe("a refresh that takes EXISTS for done", () => {
  it("leaves the old row of a lease holder that was faster", async () => {
    await blindSet(memcached.port, key, lease);
    const unique = / c(\d+)/.exec(await raw(memcached.port, `mg ${key} c`))?.[1] ?? "";
    primary.commit(id);
    await blindSet(memcached.port, key, encodeCachedValue(valueOf(1)));
    const renewed = encodeCachedValue(valueOf(2));
    expect(await raw(memcached.port, `ms ${key} ${renewed.length} C${unique}\r\n${renewed}`)).toBe("EX\r\n");
    expect(await cachedVersion()).toBe(1);
  });

  it("is not ours: it goes round again, and the new row stands", async () => {
    await blindSet(memcached.port, key, lease);
    primary.commit(id);
    const pool = new CachePool(
      { nodes: memcached.node.name },
      (node, of) => new MetaDriver(node, of),
      limits,
    );
    let rounds = 0;
    const item = { key, subject: `profile:${id}`, version: 2, ttlSeconds: 60 };
    const { outcome } = await refresh(pool, item, async () => {
      if (++rounds === 1) await blindSet(memcached.port, key, encodeCachedValue(valueOf(1)));
      return valueOf(2);
    });
    pool.close();
    expect([outcome, rounds, await cachedVersion()]).toEqual(["stored", 2, 2]);
  });
});

describe("a refresh that captures after the load", () => {
  it("is not ours: over the lease of a newer reader an old row is refused", async () => {
    primary.commit(id);
    await blindSet(memcached.port, key, encodeCachedValue(valueOf(1)));
    const pool = new CachePool(
      { nodes: memcached.node.name },
      (node, of) => new MetaDriver(node, of),
      limits,
    );
    const item = { key, subject: `profile:${id}`, version: 2, ttlSeconds: 60 };
    const loads: number[] = [];
    const { outcome } = await refresh(pool, item, async () => {
      const { version } = (await primary.row(id)) ?? { version: 0 };
      if (loads.push(version) === 1) {
        primary.commit(id);
        await raw(memcached.port, `delete ${key}`);
        await add(lease);
      }
      return valueOf(version);
    });
    pool.close();
    expect([outcome, loads, await cachedVersion()]).toEqual(["stored", [2, 3], 3]);
  });
});

describe("counters for tags", () => {
  const view = defineView({
    name: "counted",
    key: "counted:{scope}",
    pool: "profiles",
    value: z.array(z.string()),
    tags: [tag("counted:{scope}", ProfileChanged, { params: { scope: "handle" } })],
  });

  it("count from 1 again after an eviction, and an old value is a hit again", async () => {
    const tagKey = `t:counter:${id}`;
    await raw(memcached.port, `add ${tagKey} 0 60 1\r\n1`);
    const builtUnder = await peek(memcached.port, tagKey);
    await raw(memcached.port, `incr ${tagKey} 1`);
    expect(await peek(memcached.port, tagKey)).not.toBe(builtUnder);
    await raw(memcached.port, `delete ${tagKey}`);
    await raw(memcached.port, `add ${tagKey} 0 60 1\r\n1`);
    expect(await peek(memcached.port, tagKey)).toBe(builtUnder);
  });

  it("are not ours: after an eviction a tag has a token that no value was built under", async () => {
    const cache = cacheOn(memcached.node.name);
    let found = ["old"];
    const read = () =>
      cache.read(view, { scope: id }, () => Promise.resolve(versioned<string[]>([], [...found])));
    await read();
    found = ["new"];
    await raw(memcached.port, `delete t:counted:${id}`);
    expect(await read()).toMatchObject({ outcome: "miss", value: ["new"] });
  });
});

describe("acknowledging a delete that timed out", () => {
  it("loses it: the old value stays; ours says that it does not know, and repeats", async () => {
    await using proxy = await Proxy.before(memcached);
    const invalidator = new BulkInvalidator({ nodes: proxy.node.name }, { timeoutMs: 500 });
    await invalidator.probe(proxy.node.name);
    await blindSet(memcached.port, key, encodeCachedValue(valueOf(1)));
    primary.commit(id);
    proxy.lose();
    const lost = await invalidator.invalidate([key]);
    expect(lost.get(proxy.node.name)).toMatchObject({ code: "CACHE_TIMEOUT" });
    expect(await cachedVersion()).toBe(1);
    proxy.pass();
    await expect
      .poll(async () => (await invalidator.invalidate([key])).get(proxy.node.name), { timeout: 30_000 })
      .toBe("acknowledged");
    expect(await cachedVersion()).toBeUndefined();
    invalidator.close();
  });
});

describe("a client that fails over to another node and comes back", () => {
  it("acknowledges a delete that its node never got: the old value is there when the node is", async () => {
    await using first = await Memcached.start();
    await using second = await Memcached.start();
    await using proxy = await Proxy.before(first);
    await blindSet(first.port, key, encodeCachedValue(valueOf(1)));
    primary.commit(id);
    // memjs takes the next node in the list: which one it asks first follows from the hash.
    const isFirst = memjs.Utils.hashCode(key) % 2 === 0;
    const nodes = [proxy.node.name, second.node.name];
    const client = memjs.Client.create((isFirst ? nodes : nodes.reverse()).join(","), {
      failover: true,
      retries: 1,
      timeout: 10,
      logger: { log: () => undefined },
    });
    await proxy.away();
    await client.delete(key);
    client.close();
    await proxy.back();
    expect(await cachedVersion(first)).toBe(1);
  });

  it("is not ours: the delete is not acknowledged while its node is away", async () => {
    await using first = await Memcached.start();
    await using second = await Memcached.start();
    await using proxy = await Proxy.before(first);
    await blindSet(first.port, key, encodeCachedValue(valueOf(1)));
    const invalidator = new BulkInvalidator(
      { nodes: `${proxy.node.name},${second.node.name}` },
      { timeoutMs: 5_000 },
    );
    const [owner = ""] = invalidator.byOwner([key]).keys();
    const ownersMemcached = owner === proxy.node.name ? first : second;
    await blindSet(ownersMemcached.port, key, encodeCachedValue(valueOf(1)));
    await (owner === proxy.node.name ? proxy.away() : second.kill());
    const answers = await invalidator.invalidate([key]);
    expect([...answers.keys()]).toEqual([owner]);
    expect(answers.get(owner)).toMatchObject({ code: "CACHE_CONNECTION" });
    invalidator.close();
  });
});

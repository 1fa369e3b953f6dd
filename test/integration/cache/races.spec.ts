import { randomUUID } from "node:crypto";
import {
  BulkInvalidator,
  type CacheEvent,
  type FillOutcome,
  MetaDriver,
  ReadThroughCache,
} from "@freshet/cache";
import { type CacheKey, decodeCached, encodeCachedValue, renderKey } from "@freshet/contracts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Memcached } from "./memcached.ts";
import { Primary, userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { blindSet, peek, raw } from "./raw.ts";

// Each race is played by hand: a load takes its snapshot, is held while others act, and is then let go. The naive
// readers beside it play the same steps and end with the old value for good: the races are real.

let memcached: Memcached;
let invalidator: BulkInvalidator;
let primary: Primary;
let readers: Reader[];
let id: string;
let key: CacheKey;

beforeAll(async () => {
  memcached = await Memcached.start();
  invalidator = new BulkInvalidator({ nodes: memcached.node.name }, { timeoutMs: 2_000 });
});
beforeEach(() => {
  primary = new Primary();
  readers = [];
  id = randomUUID();
  key = renderKey(userProfile.key, { profileId: id });
});
afterEach(() => {
  for (const reader of readers) reader.cache.close();
});
afterAll(async () => {
  invalidator.close();
  await memcached[Symbol.asyncDispose]();
});

/** One process of a service that reads profiles. */
class Reader {
  readonly fills: FillOutcome[] = [];
  readonly misses: string[] = [];
  readonly cache: ReadThroughCache;
  nowMs = 0;

  constructor(node: string = memcached.node.name) {
    this.cache = new ReadThroughCache({
      pools: { profiles: { nodes: node } },
      limits: { timeoutMs: 2_000 },
      monotonicMs: () => this.nowMs,
      on: (event: CacheEvent) => {
        if (event.type === "fill") this.fills.push(event.outcome);
        if (event.type === "miss") this.misses.push(event.reason);
      },
    });
    readers.push(this);
  }

  read() {
    return this.cache.read(userProfile, { profileId: id }, primary.loader(id));
  }

  /** Starts a read and comes back when its load has taken its snapshot and is held. */
  async readUntilLoaded(): Promise<{ finish: () => Promise<Awaited<ReturnType<Reader["read"]>>> }> {
    const held = primary.held;
    primary.hold();
    const reading = this.read();
    await expect.poll(() => primary.held).toBe(held + 1);
    return {
      finish: () => {
        primary.release();
        return reading;
      },
    };
  }
}

/** A commit and the acknowledged delete of its event. */
async function commitAndInvalidate(): Promise<void> {
  primary.commit(id);
  await invalidate();
}

async function invalidate(): Promise<void> {
  expect([...(await invalidator.invalidate([key])).values()]).toEqual(["acknowledged"]);
}

/** The version that every reader will get from now on; undefined: they will load. */
async function cachedVersion(): Promise<number | undefined> {
  const cached = decodeCached(Buffer.from((await peek(memcached.port, key)) ?? ""));
  return cached.kind === "value" ? cached.versions[`profile:${id}`] : undefined;
}

describe("a delete while a load is under way", () => {
  it("leaves nothing that the load could fill: the next reader loads the new row", async () => {
    primary.commit(id);
    const reader = new Reader();
    const slow = await reader.readUntilLoaded();
    await commitAndInvalidate();
    expect((await slow.finish()).value).toMatchObject({ version: 1 });
    expect(reader.fills).toEqual(["invalidated"]);
    expect(await cachedVersion()).toBeUndefined();
    expect((await reader.read()).value).toMatchObject({ version: 2 });
    expect(await cachedVersion()).toBe(2);
  });

  it("naively filled, the old row stays for good: set after the load", async () => {
    primary.commit(id);
    const row = await primary.row(id);
    await commitAndInvalidate();
    await blindSet(memcached.port, key, valueOf(row));
    expect(await cachedVersion()).toBe(1);
  });

  it("naively filled, the old row stays for good: a version compare without a lease", async () => {
    primary.commit(id);
    const row = await primary.row(id);
    await commitAndInvalidate();
    const standing = await cachedVersion();
    if (standing === undefined || standing < (row?.version ?? 0))
      await blindSet(memcached.port, key, valueOf(row));
    expect(await cachedVersion()).toBe(1);
  });

  it("naively filled, the old row stays for good: the lease taken after the snapshot began", async () => {
    primary.commit(id);
    using driver = driverOf(memcached);
    const row = await primary.row(id);
    await commitAndInvalidate();
    const lease = await driver.it.add(key, Buffer.from(`{"l":"0123456789abcdef"}`), 10);
    if (lease.stored) await driver.it.cas(key, Buffer.from(valueOf(row)), 60, lease.cas);
    expect(await cachedVersion()).toBe(1);
  });

  it("naively filled, the old row stays for good: the lease checked by its id, and its add executed late again", async () => {
    primary.commit(id);
    const lease = `{"l":"0123456789abcdef"}`;
    await raw(memcached.port, `add ${key} 0 10 ${lease.length}\r\n${lease}`);
    const row = await primary.row(id);
    await commitAndInvalidate();
    await raw(memcached.port, `add ${key} 0 10 ${lease.length}\r\n${lease}`);
    if ((await peek(memcached.port, key)) === lease) await blindSet(memcached.port, key, valueOf(row));
    expect(await cachedVersion()).toBe(1);
  });

  it("is not undone by the same add executed late again: its CAS unique is another", async () => {
    primary.commit(id);
    const reader = new Reader();
    const slow = await reader.readUntilLoaded();
    const lease = (await peek(memcached.port, key)) ?? "";
    await commitAndInvalidate();
    await raw(memcached.port, `add ${key} 0 10 ${lease.length}\r\n${lease}`);
    await slow.finish();
    expect(reader.fills).toEqual(["overtaken"]);
    expect(await cachedVersion()).toBeUndefined();
  });

  it("is respected by a reader that captured an old value instead of a lease", async () => {
    primary.commit(id);
    const reader = new Reader();
    await reader.read();
    primary.hold();
    const min = { [`profile:${id}`]: 2 };
    primary.commit(id);
    const renewing = reader.cache.read(userProfile, { profileId: id }, primary.loader(id), { min });
    await expect.poll(() => primary.held).toBe(1);
    await commitAndInvalidate();
    primary.release();
    expect((await renewing).value).toMatchObject({ version: 2 });
    expect(reader.fills).toEqual(["stored", "invalidated"]);
    expect(await cachedVersion()).toBeUndefined();
  });
});

describe("two readers", () => {
  it("of which the slower has the older row: the newer one stays", async () => {
    primary.commit(id);
    const [slow, fast] = [new Reader(), new Reader()];
    const slowRead = await slow.readUntilLoaded();
    await commitAndInvalidate();
    const fastRead = await fast.readUntilLoaded();
    await Promise.all([slowRead.finish(), fastRead.finish()]);
    expect(await cachedVersion()).toBe(2);
    expect(slow.fills).toEqual(["overtaken"]);
    expect(fast.fills).toEqual(["stored"]);
  });

  it("with one lease between them: one of them fills, and an invalidation revokes both", async () => {
    primary.commit(id);
    const [holder, other] = [new Reader(), new Reader()];
    const first = await holder.readUntilLoaded();
    const second = await other.readUntilLoaded();
    await commitAndInvalidate();
    await Promise.all([first.finish(), second.finish()]);
    expect([...holder.fills, ...other.fills]).toEqual(["invalidated", "invalidated"]);
    const again = await holder.readUntilLoaded();
    const beside = await other.readUntilLoaded();
    await Promise.all([again.finish(), beside.finish()]);
    expect([...holder.fills, ...other.fills].sort()).toEqual([
      "invalidated",
      "invalidated",
      "overtaken",
      "stored",
    ]);
    expect(await cachedVersion()).toBe(2);
  });

  it("of which one holds the lease: the other waits for its value and does not load", async () => {
    primary.commit(id);
    const [holder, other] = [new Reader(), new Reader()];
    const first = await holder.readUntilLoaded();
    const second = other.read();
    await expect.poll(() => other.misses).toEqual(["leased"]);
    await first.finish();
    expect(await second).toMatchObject({ outcome: "hit", value: { version: 1 } });
    expect(primary.loads).toBe(1);
  });

  it("of which one waits while the key is invalidated: it takes the lease and loads the new row", async () => {
    primary.commit(id);
    const [holder, other] = [new Reader(), new Reader()];
    const first = await holder.readUntilLoaded();
    const second = other.read();
    await expect.poll(() => other.misses).toEqual(["leased"]);
    await commitAndInvalidate();
    await first.finish();
    expect(await second).toMatchObject({ outcome: "miss", value: { version: 2 } });
    expect(holder.fills).toEqual(["invalidated"]);
    // On a busy machine it may have given up waiting before the invalidation: then its fill is refused as well.
    if (other.fills[0] === "stored") expect(await cachedVersion()).toBe(2);
    else expect([other.fills, await cachedVersion()]).toEqual([["invalidated"], undefined]);
  });

  it("of which one waits: its fill is refused when the key is invalidated while it loads after all", async () => {
    primary.commit(id);
    const [holder, other] = [new Reader(), new Reader()];
    const first = await holder.readUntilLoaded();
    const second = await other.readUntilLoaded();
    await commitAndInvalidate();
    await second.finish();
    await first.finish();
    expect([...holder.fills, ...other.fills]).toEqual(["invalidated", "invalidated"]);
  });

  it("of which the holder of the lease is gone: the next one fills over its stub", async () => {
    primary.commit(id);
    const crashed = new Reader();
    await crashed.readUntilLoaded();
    crashed.cache.close();
    const next = new Reader();
    const reading = next.read();
    primary.release();
    expect((await reading).value).toMatchObject({ version: 1 });
    expect(await cachedVersion()).toBe(1);
  });
});

describe("memcached itself", () => {
  it("restarted during a load, counts its CAS uniques anew: the old lease must not match the new one", async () => {
    await using own = await Memcached.start();
    using driver = driverOf(own);
    primary.commit(id);
    const reader = new Reader(own.node.name);
    const slow = await reader.readUntilLoaded();
    const unique = await casOf(own, key);
    await own.restart();
    primary.commit(id);
    await raw(own.port, "mn");
    const lease = `{"l":"fedcba9876543210"}`;
    await raw(own.port, `add ${key} 0 10 ${lease.length}\r\n${lease}`);
    expect(await casOf(own, key)).toBe(unique);
    await slow.finish();
    expect(reader.fills).toEqual(["connection_changed"]);
    expect(await peek(own.port, key)).toBe(lease);
    driver.it.close();
  });

  it("restarted during a load, lets a naive lease through: the unique alone matches", async () => {
    await using own = await Memcached.start();
    primary.commit(id);
    const lease = `{"l":"fedcba9876543210"}`;
    await raw(own.port, `add ${key} 0 10 ${lease.length}\r\n${lease}`);
    const unique = await casOf(own, key);
    const row = await primary.row(id);
    await own.restart();
    primary.commit(id);
    await raw(own.port, `add ${key} 0 10 ${lease.length}\r\n${lease}`);
    const value = valueOf(row);
    expect(await raw(own.port, `ms ${key} ${value.length} C${unique}\r\n${value}`)).toBe("HD\r\n");
    expect(await peek(own.port, key)).toBe(value);
  });

  it("executes an add whose answer is lost: nothing was captured, nothing is filled", async () => {
    await using proxy = await Proxy.before(memcached);
    primary.commit(id);
    const reader = new Reader(proxy.node.name);
    await reader.read();
    await invalidate();
    // The answer of the get passes (24 bytes of header and "Not found"), that of the add does not.
    proxy.cut({ bytes: 33, then: "close" });
    expect((await reader.read()).value).toMatchObject({ version: 1 });
    expect(reader.fills).toEqual(["stored", "not_captured"]);
    expect(await peek(memcached.port, key)).toMatch(/^{"l":/);
    proxy.pass();
    expect((await reader.read()).value).toMatchObject({ version: 1 });
    expect(await cachedVersion()).toBe(1);
  });

  it("evicts the lease during a load: nothing is filled", async () => {
    primary.commit(id);
    const reader = new Reader();
    const slow = await reader.readUntilLoaded();
    await raw(memcached.port, `delete ${key}`);
    await slow.finish();
    expect(reader.fills).toEqual(["invalidated"]);
  });

  it("is flushed during a load: nothing is filled", async () => {
    await using own = await Memcached.start();
    primary.commit(id);
    const reader = new Reader(own.node.name);
    const slow = await reader.readUntilLoaded();
    await raw(own.port, "flush_all");
    await slow.finish();
    expect(reader.fills).toEqual(["invalidated"]);
  });
});

describe("a load that takes longer than the fill deadline", () => {
  it.each([
    [8_000, "stored"],
    [8_001, "too_late"],
  ] as const)("after %d ms its fill is %s", async (elapsedMs, outcome) => {
    primary.commit(id);
    const reader = new Reader();
    const slow = await reader.readUntilLoaded();
    reader.nowMs = elapsedMs;
    await slow.finish();
    expect(reader.fills).toEqual([outcome]);
  });
});

function valueOf(row: { readonly version: number } | undefined): string {
  return encodeCachedValue({ versions: { [`profile:${id}`]: row?.version ?? 0 }, data: row ?? null });
}

async function casOf(node: Memcached, of: string): Promise<string | undefined> {
  return / c(\d+)/.exec(await raw(node.port, `mg ${of} c`))?.[1];
}

function driverOf(node: Memcached): Disposable & { it: MetaDriver } {
  const it = new MetaDriver(node.node, { timeoutMs: 2_000 });
  return {
    it,
    [Symbol.dispose]: () => {
      it.close();
    },
  };
}

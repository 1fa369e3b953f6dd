// What the specs of races share. Each race is played by hand: a load takes its snapshot, is held while others act, and is
// then let go. The naive readers beside it play the same steps and end with the old value for good: the races are real.
import { randomUUID } from "node:crypto";
import {
  BulkInvalidator,
  type CacheEvent,
  type FillOutcome,
  MetaDriver,
  ReadThroughCache,
} from "@freshet/cache";
import { type CacheKey, decodeCached, encodeCachedValue, renderKey } from "@freshet/contracts";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { Memcached } from "./memcached.ts";
import { Primary, userProfile } from "./primary.ts";
import { peek, raw } from "./raw.ts";

export let memcached: Memcached;
let invalidator: BulkInvalidator;
export let primary: Primary;
let readers: Reader[];
export let id: string;
export let key: CacheKey;

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
export class Reader {
  readonly fills: FillOutcome[] = [];
  readonly misses: string[] = [];
  readonly cache: ReadThroughCache;
  nowMs = 0;
  /** Looks again for a value that another process loads only once this has resolved. */
  mayLookAgain: Promise<unknown> = Promise.resolve();

  constructor(node: string = memcached.node.name) {
    this.cache = new ReadThroughCache({
      pools: { profiles: { nodes: node } },
      limits: { timeoutMs: 2_000 },
      monotonicMs: () => this.nowMs,
      delay: () => this.mayLookAgain,
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
export async function commitAndInvalidate(): Promise<void> {
  primary.commit(id);
  await invalidate();
}

export async function invalidate(): Promise<void> {
  expect([...(await invalidator.invalidate([key])).values()]).toEqual(["acknowledged"]);
}

/** The version that every reader will get from now on; undefined: they will load. */
export async function cachedVersion(): Promise<number | undefined> {
  const cached = decodeCached(Buffer.from((await peek(memcached.port, key)) ?? ""));
  return cached.kind === "value" ? cached.versions[`profile:${id}`] : undefined;
}

/** As a reader caches this row of the test's profile. */
export function valueOf(row: { readonly version: number } | undefined): string {
  return encodeCachedValue({ versions: { [`profile:${id}`]: row?.version ?? 0 }, data: row ?? null });
}

/** The CAS unique of a key. */
export async function casOf(node: Memcached, of: string): Promise<string | undefined> {
  return / c(\d+)/.exec(await raw(node.port, `mg ${of} c`))?.[1];
}

/** A driver of one test. */
export function driverOf(node: Memcached): Disposable & { it: MetaDriver } {
  const it = new MetaDriver(node.node, { timeoutMs: 2_000 });
  return {
    it,
    [Symbol.dispose]: () => {
      it.close();
    },
  };
}

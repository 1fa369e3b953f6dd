// What the specs of reading share: one memcached, and for each test a primary, an entity and its caches.
import { randomUUID } from "node:crypto";
import { type CacheEvent, ReadThroughCache, type ReadThroughCacheOptions, versioned } from "@freshet/cache";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { Memcached } from "./memcached.ts";
import { Primary } from "./primary.ts";

export let memcached: Memcached;
export let primary: Primary;
/** Of the test's profile, and of its cached value. */
export let id: string;
export let key: string;
/** What the test's caches have told. */
export let events: CacheEvent[];
let caches: ReadThroughCache[];

beforeAll(async () => {
  memcached = await Memcached.start();
});
beforeEach(() => {
  primary = new Primary();
  events = [];
  caches = [];
  id = randomUUID();
  key = `user_profile:${id}`;
});
afterEach(() => {
  for (const cache of caches) cache.close();
});
afterAll(() => memcached[Symbol.asyncDispose]());

/** A cache as one service process has it. */
export function cacheOn(nodes: string, options: Partial<ReadThroughCacheOptions> = {}): ReadThroughCache {
  const cache = new ReadThroughCache({
    pools: { profiles: { nodes } },
    limits: { timeoutMs: 2_000 },
    on: (event) => events.push(event),
    ...options,
  });
  caches.push(cache);
  return cache;
}

export function cacheOfThisTest(options: Partial<ReadThroughCacheOptions> = {}): ReadThroughCache {
  return cacheOn(memcached.node.name, options);
}

/** Of them, those of this type. */
export function happened<Type extends CacheEvent["type"]>(type: Type) {
  return events.filter((event): event is Extract<CacheEvent, { type: Type }> => event.type === type);
}

/** A loader of many profiles. */
export async function loadMany(missing: readonly { readonly profileId: string | number }[]) {
  return Promise.all(missing.map(async ({ profileId }) => versioned(await primary.row(String(profileId)))));
}

import { randomUUID } from "node:crypto";
import { type DriverOptions, ReadThroughCache, versioned } from "@freshet/cache";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Memcached } from "./memcached.ts";
import { type Profile, userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";

/** As breaking.ts has it. */
const failuresInARow = 20;

let memcached: Memcached;

beforeAll(async () => {
  memcached = await Memcached.start();
});
afterAll(() => memcached[Symbol.asyncDispose]());

/** A cache, and the codes of its calls that failed. Each read is of another key: one call when its node fails. */
function reader(node: string, limits: DriverOptions = { timeoutMs: 30_000 }) {
  const codes: string[] = [];
  const cache = new ReadThroughCache({
    pools: { profiles: { nodes: node } },
    limits,
    on: (event) => {
      if (event.type === "error") codes.push(event.error.code);
    },
  });
  const read = () =>
    cache.get(userProfile, { profileId: randomUUID() }, () => Promise.resolve(versioned<Profile>(null)));
  return { codes, read, [Symbol.dispose]: cache.close.bind(cache) };
}

it("a node is given up after 20 failures in a row, and then nothing is sent to it", async () => {
  const attempt = async () => {
    await using proxy = await Proxy.before(memcached);
    using cache = reader(proxy.node.name);
    proxy.cut({ bytes: 0, then: "close" });
    for (let read = 0; read < failuresInARow + 10; read++) await cache.read();
    return [cache.codes.indexOf("CACHE_CIRCUIT_OPEN"), proxy.roundTrips];
  };
  // On a machine that stands still for a second the node is tried again, rightly.
  await expect.poll(attempt, { timeout: 60_000 }).toEqual([failuresInARow, failuresInARow]);
});

it("an answer between failures begins the count anew", async () => {
  await using proxy = await Proxy.before(memcached);
  using cache = reader(proxy.node.name);
  for (let round = 0; round < 3; round++) {
    proxy.cut({ bytes: 0, then: "close" });
    for (let read = 1; read < failuresInARow; read++) await cache.read();
    proxy.pass();
    await cache.read();
  }
  expect(new Set(cache.codes)).toEqual(new Set(["CACHE_CONNECTION"]));
});

it("while one call tries whether the node is back, the others are refused and do not wait for it", async () => {
  await using proxy = await Proxy.before(memcached);
  using cache = reader(proxy.node.name);
  proxy.cut({ bytes: 0, then: "close" });
  while (!cache.codes.includes("CACHE_CIRCUIT_OPEN")) await cache.read();
  proxy.pass();
  proxy.lose();
  const before = proxy.roundTrips;
  const reads: Promise<unknown>[] = [];
  const tried = () => {
    reads.push(cache.read());
    return proxy.roundTrips;
  };
  await expect.poll(tried, { timeout: 30_000 }).toBeGreaterThan(before);
  await cache.read();
  expect(cache.codes.at(-1)).toBe("CACHE_CIRCUIT_OPEN");
  expect(cache.codes).not.toContain("CACHE_TIMEOUT");
  proxy.closeConnections();
  await Promise.all(reads);
  expect(cache.codes.at(-1)).toBe("CACHE_CONNECTION");
});

it("what this process has too much of is not held against the node", async () => {
  using cache = reader(memcached.node.name, { timeoutMs: 30_000, maxInFlight: 1 });
  await Promise.all(Array.from({ length: 3 * failuresInARow }, cache.read));
  await cache.read();
  expect(new Set(cache.codes)).toEqual(new Set(["CACHE_OVERLOADED"]));
});

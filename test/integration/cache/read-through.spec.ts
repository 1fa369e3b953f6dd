import { randomUUID } from "node:crypto";
import { versioned } from "@freshet/cache";
import { defineView } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Memcached } from "./memcached.ts";
import { type Profile, profileByHandle, userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { blindSet, peek, raw, ttlOf } from "./raw.ts";
import { cacheOfThisTest, cacheOn, happened, id, key, memcached, primary, events } from "./reading.ts";

/** memcached counts the rest of a life, by a clock that ticks each second. */
async function expectLife(seconds: number): Promise<void> {
  const rest = await ttlOf(memcached.port, key);
  expect(rest).toBeLessThanOrEqual(seconds);
  expect(rest).toBeGreaterThan(seconds - 10);
}

describe("a read", () => {
  it("loads once, then hits", async () => {
    const cache = cacheOfThisTest();
    const row = primary.commit(id);
    const read = () => cache.read(userProfile, { profileId: id }, primary.loader(id));
    const versions = { [`profile:${id}`]: 1 };
    expect(await read()).toEqual({ value: row, outcome: "miss", versions });
    expect(await read()).toEqual({ value: row, outcome: "hit", versions });
    expect(await cache.get(userProfile, { profileId: id }, primary.loader(id))).toEqual(row);
    expect(primary.loads).toBe(1);
    expect(events.map(({ type }) => type)).toEqual(["miss", "load", "fill", "hit", "hit"]);
  });

  it("stores the value in the form that every language knows", async () => {
    const cache = cacheOfThisTest();
    primary.commit(id);
    await cache.get(userProfile, { profileId: id }, primary.loader(id));
    expect(await peek(memcached.port, key)).toBe(
      `{"vs":{"profile:${id}":1},"d":{"id":"${id}","version":1,"name":"name 1"}}`,
    );
  });

  it("takes one round trip for a hit and three for a miss", async () => {
    await using proxy = await Proxy.before(memcached);
    const cache = cacheOn(proxy.node.name);
    primary.commit(id);
    await cache.get(userProfile, { profileId: id }, primary.loader(id));
    expect(proxy.roundTrips).toBe(3);
    await cache.get(userProfile, { profileId: id }, primary.loader(id));
    expect(proxy.roundTrips).toBe(4);
  });

  it("caches that there is no row, under the entity that the key names", async () => {
    const cache = cacheOfThisTest();
    const read = () => cache.read(userProfile, { profileId: id }, primary.loader(id));
    expect(await read()).toMatchObject({ value: null, outcome: "miss" });
    expect(await read()).toEqual({ value: null, outcome: "hit", versions: { [`profile:${id}`]: 0 } });
    expect(await peek(memcached.port, key)).toBe(`{"vs":{"profile:${id}":0},"d":null}`);
  });

  it("caches a deleted row with its last version", async () => {
    const cache = cacheOfThisTest();
    await cache.get(userProfile, { profileId: id }, () =>
      Promise.resolve(versioned<Profile>({ id, version: 8 }, null)),
    );
    expect(await peek(memcached.port, key)).toBe(`{"vs":{"profile:${id}":8},"d":null}`);
  });

  it("knows no version of an absent row whose key names no entity", async () => {
    const cache = cacheOfThisTest();
    await cache.get(profileByHandle, { handle: id }, () => Promise.resolve(versioned(null)));
    expect(await peek(memcached.port, `user_profile_by_handle:${id}`)).toBe(`{"vs":{},"d":null}`);
  });

  it("names the entity of the row, not of the key", async () => {
    const cache = cacheOfThisTest();
    primary.commit("42");
    const { versions } = await cache.read(profileByHandle, { handle: id }, primary.loader("42"));
    expect(versions).toEqual({ "profile:42": 1 });
  });

  it("stores only what the view's schema shows, and a miss returns what a hit will", async () => {
    const cache = cacheOfThisTest();
    const view = defineView({
      name: "dated",
      key: "dated:{profileId}",
      pool: "profiles",
      value: z.object({ at: z.coerce.date() }),
      dependsOn: userProfile.dependsOn,
    });
    const row = { id, version: 1, at: new Date(0), email: "secret@example.org" };
    const read = () => cache.read(view, { profileId: id }, () => Promise.resolve(versioned(row)));
    expect(await read()).toMatchObject({ outcome: "miss", value: { at: new Date(0) } });
    expect((await read()).value).toEqual({ at: new Date(0) });
    expect(await peek(memcached.port, `dated:${id}`)).not.toContain("secret");
  });

  it("gives a value a life of 3600 s ± 10 %, an absent row 60 s ± 10 %, a lease 10 s", async () => {
    const load = primary.loader(id);
    primary.hold();
    const pending = cacheOfThisTest({ random: () => 0 }).get(userProfile, { profileId: id }, load);
    await expect.poll(() => primary.held).toBe(1);
    await expectLife(10);
    primary.release();
    await pending;
    await expectLife(54);
    primary.commit(id);
    for (const [random, seconds] of [
      [0, 3_240],
      [1, 3_960],
    ] as const) {
      await raw(memcached.port, `delete ${key}`);
      await cacheOfThisTest({ random: () => random }).get(userProfile, { profileId: id }, load);
      await expectLife(seconds);
    }
  });

  it("goes straight to the primary and stores nothing when it is told to", async () => {
    const cache = cacheOfThisTest();
    primary.commit(id);
    await cache.get(userProfile, { profileId: id }, primary.loader(id));
    const row = primary.commit(id);
    const options = { bypass: true };
    expect(await cache.read(userProfile, { profileId: id }, primary.loader(id), options)).toEqual({
      value: row,
      outcome: "bypass",
      versions: { [`profile:${id}`]: 2 },
    });
    expect(await peek(memcached.port, key)).toContain("name 1");
  });

  it("passes on the loader's own error and loads again the next time", async () => {
    const cache = cacheOfThisTest();
    const row = primary.commit(id);
    const failing = () => Promise.reject(new Error("the database is away"));
    await expect(cache.get(userProfile, { profileId: id }, failing)).rejects.toThrow("the database is away");
    expect(await cache.get(userProfile, { profileId: id }, primary.loader(id))).toEqual(row);
    expect(await cache.read(userProfile, { profileId: id }, primary.loader(id))).toMatchObject({
      outcome: "hit",
    });
  });

  it("refuses a key parameter that cannot be one", async () => {
    const cache = cacheOfThisTest();
    await expect(cache.get(userProfile, { profileId: "\ud800" }, primary.loader(id))).rejects.toMatchObject({
      code: "KEY_PARAM_INVALID",
    });
  });
});

describe("what stands under the key", () => {
  it.each([
    ["no JSON", "hello"],
    ["another JSON", `{"name":"x"}`],
    ["a value of an older shape", `{"vs":{"profile:42":3},"d":{"id":"42"}}`],
    ["versions of a wrong type", `{"vs":{"profile:42":"3"},"d":{"id":"42","version":3,"name":"x"}}`],
    ["nothing", ""],
    ["somebody's lease", `{"l":"0123456789abcdef"}`],
  ])("is never returned and is replaced when it is %s", async (_, standing) => {
    const cache = cacheOfThisTest();
    const row = primary.commit(id);
    await blindSet(memcached.port, key, standing);
    expect(await cache.get(userProfile, { profileId: id }, primary.loader(id))).toEqual(row);
    expect(await cache.read(userProfile, { profileId: id }, primary.loader(id))).toMatchObject({
      outcome: "hit",
    });
  });

  it("stays as it is when the loaded value does not fit the view", async () => {
    const cache = cacheOfThisTest();
    const misfit: Profile = { id, version: 1.5, name: "x" };
    const load = () => Promise.resolve(versioned<Profile>({ id, version: 1 }, misfit));
    expect(await cache.get(userProfile, { profileId: id }, load)).toEqual(misfit);
    expect(happened("fill")).toMatchObject([{ outcome: "not_storable" }]);
    expect(await peek(memcached.port, key)).toMatch(/^{"l":/);
  });

  it("stays as it is when the loaded value is too large for memcached", async () => {
    const cache = cacheOfThisTest();
    const large: Profile = { id, version: 1, name: "x".repeat(1_000_001) };
    const load = () => Promise.resolve(versioned(large));
    expect(await cache.get(userProfile, { profileId: id }, load)).toEqual(large);
    expect(happened("fill")).toMatchObject([{ outcome: "not_storable" }]);
  });
});

describe("min: a reader sees its own writes", () => {
  it("loads again when the cached version is older, and stores what it loaded", async () => {
    const cache = cacheOfThisTest();
    primary.commit(id);
    await cache.get(userProfile, { profileId: id }, primary.loader(id));
    const row = primary.commit(id);
    const min = { [`profile:${id}`]: 2 };
    expect(await cache.get(userProfile, { profileId: id }, primary.loader(id), { min })).toEqual(row);
    expect(happened("miss")).toMatchObject([{ reason: "absent" }, { reason: "too_old" }]);
    expect(await cache.read(userProfile, { profileId: id }, primary.loader(id))).toMatchObject({
      outcome: "hit",
      value: row,
    });
  });

  it("never takes a value for new enough that does not name the entity", async () => {
    const cache = cacheOfThisTest();
    await cache.get(profileByHandle, { handle: id }, () => Promise.resolve(versioned(null)));
    primary.commit("42");
    const min = { "profile:42": 1 };
    expect(await cache.read(profileByHandle, { handle: id }, primary.loader("42"), { min })).toMatchObject({
      outcome: "miss",
      value: { version: 1 },
    });
  });

  it("does not share a load that began before the write", async () => {
    const cache = cacheOfThisTest();
    primary.commit(id);
    primary.hold();
    const earlier = cache.get(userProfile, { profileId: id }, primary.loader(id));
    await expect.poll(() => primary.held).toBe(1);
    const row = primary.commit(id);
    const min = { [`profile:${id}`]: 2 };
    const later = cache.get(userProfile, { profileId: id }, primary.loader(id), { min });
    await expect.poll(() => happened("miss").length).toBe(2);
    primary.release();
    expect(await earlier).toMatchObject({ version: 1 });
    expect(await later).toEqual(row);
  });
});

describe("a get inside a loader", () => {
  it("throws, of whichever cache, since another view may still hold the old value", async () => {
    const cache = cacheOfThisTest();
    const other = cacheOfThisTest();
    for (const nested of [
      () => other.get(profileByHandle, { handle: id }, primary.loader(id)),
      () =>
        cache.getMany(profileByHandle, [{ handle: id }], () => Promise.resolve([versioned<Profile>(null)])),
    ])
      await expect(
        cache.get(userProfile, { profileId: id }, async () => {
          await nested();
          return versioned<Profile>(null);
        }),
      ).rejects.toMatchObject({ code: "CACHE_NESTED_GET" });
  });

  it("throws however many loads came and went before and meanwhile", async () => {
    const cache = cacheOfThisTest();
    const loadAnother = () => {
      const profileId = randomUUID();
      return cache.get(userProfile, { profileId }, primary.loader(profileId));
    };
    await loadAnother();
    primary.hold();
    const longer = loadAnother();
    await expect.poll(() => primary.held).toBe(1);
    const nested = cache.get(userProfile, { profileId: id }, async () => {
      primary.release();
      await longer;
      await cache.get(profileByHandle, { handle: id }, primary.loader(id));
      return versioned<Profile>(null);
    });
    await expect(nested).rejects.toMatchObject({ code: "CACHE_NESTED_GET" });
  });

  it("may bypass the cache, and later gets are not inside it", async () => {
    const cache = cacheOfThisTest();
    const row = primary.commit(id);
    const load = async () =>
      versioned(await cache.get(profileByHandle, { handle: id }, primary.loader(id), { bypass: true }));
    expect(await cache.get(userProfile, { profileId: id }, load)).toEqual(row);
    expect(await cache.get(profileByHandle, { handle: id }, primary.loader(id))).toEqual(row);
  });
});

describe("the writer's own delete", () => {
  it("reaches the key and its former keys on the owner under every node list", async () => {
    await using second = await Memcached.start();
    const cache = cacheOn("", {
      pools: { profiles: { nodes: memcached.node.name, previousNodes: second.node.name } },
    });
    for (const node of [memcached, second])
      for (const each of [key, `profile:${id}`]) await blindSet(node.port, each, "x");
    expect(await cache.invalidate(userProfile, { profileId: id })).toBe(true);
    for (const node of [memcached, second])
      for (const each of [key, `profile:${id}`]) expect(await peek(node.port, each)).toBeUndefined();
  });
});

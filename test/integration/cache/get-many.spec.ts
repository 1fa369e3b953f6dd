import { randomUUID } from "node:crypto";
import { versioned } from "@freshet/cache";
import { describe, expect, it } from "vitest";
import { Memcached } from "./memcached.ts";
import { userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { cacheOfThisTest, cacheOn, happened, id, memcached, primary, loadMany } from "./reading.ts";

describe("getMany", () => {
  it("answers in the order it was asked, hits without a load, misses with one", async () => {
    const cache = cacheOfThisTest();
    const ids = Array.from({ length: 6 }, () => randomUUID());
    for (const one of ids.slice(0, 5)) primary.commit(one);
    for (const one of ids.slice(0, 2)) await cache.get(userProfile, { profileId: one }, primary.loader(one));
    const asked: string[][] = [];
    const params = [...ids, ids[3] ?? ""].map((profileId) => ({ profileId }));
    const load = (missing: readonly { readonly profileId: string | number }[]) => {
      asked.push(missing.map(({ profileId }) => String(profileId)));
      return loadMany(missing);
    };
    const values = await cache.getMany(userProfile, params, load);
    expect(values.map((value) => value?.id)).toEqual([...ids.slice(0, 5), undefined, ids[3]]);
    expect(asked).toEqual([ids.slice(2)]);
    expect(await cache.getMany(userProfile, params, load)).toEqual(values);
    expect(asked).toHaveLength(1);
  });

  it("takes one round trip per node when all are hits", async () => {
    await using second = await Memcached.start();
    await using proxyA = await Proxy.before(memcached);
    await using proxyB = await Proxy.before(second);
    const cache = cacheOn(`${proxyA.node.name},${proxyB.node.name}`);
    const params = Array.from({ length: 50 }, () => ({ profileId: randomUUID() }));
    await cache.getMany(userProfile, params, loadMany);
    const before = [proxyA.roundTrips, proxyB.roundTrips];
    await cache.getMany(userProfile, params, loadMany);
    expect([proxyA.roundTrips, proxyB.roundTrips]).toEqual(before.map((count) => count + 1));
  });

  it("waits for nobody's load, and the first fill stands", async () => {
    const cache = cacheOfThisTest();
    const row = primary.commit(id);
    primary.hold();
    const other = cache.get(userProfile, { profileId: id }, primary.loader(id));
    await expect.poll(() => primary.held).toBe(1);
    const load = () => Promise.resolve([versioned(row)]);
    expect(await cache.getMany(userProfile, [{ profileId: id }], load)).toEqual([row]);
    primary.release();
    expect(await other).toEqual(row);
    expect(happened("fill").map(({ outcome }) => outcome)).toEqual(["stored", "overtaken"]);
  });

  it("refuses a loader that leaves out a row", async () => {
    const cache = cacheOfThisTest();
    await expect(
      cache.getMany(userProfile, [{ profileId: id }], () => Promise.resolve([])),
    ).rejects.toMatchObject({ code: "CONTRACT_INVALID" });
  });
});

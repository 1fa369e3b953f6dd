import { describe, expect, it } from "vitest";
import { freePort, Memcached } from "./memcached.ts";
import { userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { cacheOn, happened, id, memcached, primary, loadMany } from "./reading.ts";

describe("a memcached in trouble never becomes the caller's exception:", () => {
  it("a node that is not there", async () => {
    const cache = cacheOn(`127.0.0.1:${await freePort()}`);
    const row = primary.commit(id);
    expect(await cache.get(userProfile, { profileId: id }, primary.loader(id))).toEqual(row);
    expect(await cache.getMany(userProfile, [{ profileId: id }], loadMany)).toEqual([row]);
    expect(await cache.invalidate(userProfile, { profileId: id })).toBe(false);
    expect(happened("error")[0]).toMatchObject({ error: { code: "CACHE_CONNECTION" } });
    expect(happened("fill")).toMatchObject([{ outcome: "not_captured" }, { outcome: "not_captured" }]);
  });

  it("a node that does not answer", async () => {
    await using own = await Memcached.start();
    const cache = cacheOn(own.node.name, { limits: { timeoutMs: 50 } });
    const row = primary.commit(id);
    await own.freeze();
    expect(await cache.get(userProfile, { profileId: id }, primary.loader(id))).toEqual(row);
    expect(happened("miss")).toMatchObject([{ reason: "unavailable" }]);
    own.thaw();
  });

  it("a node that does not answer is not asked for a while, and is asked again when it answers", async () => {
    await using own = await Memcached.start();
    const cache = cacheOn(own.node.name, { limits: { timeoutMs: 100 } });
    const row = primary.commit(id);
    const read = () => cache.read(userProfile, { profileId: id }, primary.loader(id));
    await read();
    await own.freeze();
    const codes = () => happened("error").map(({ error }) => error.code);
    await expect
      .poll(async () => [(await read()).value, codes().at(-1)], { timeout: 30_000 })
      .toEqual([row, "CACHE_CIRCUIT_OPEN"]);
    own.thaw();
    await expect.poll(async () => (await read()).outcome, { timeout: 30_000 }).toBe("hit");
  });

  it("a node that does not answer is sent the writer's deletes all the same", async () => {
    const cache = cacheOn(`127.0.0.1:${await freePort()}`);
    const read = () => cache.read(userProfile, { profileId: id }, primary.loader(id));
    const codes = () => happened("error").map(({ error }) => error.code);
    await expect
      .poll(async () => [await read(), codes().at(-1)], { timeout: 30_000 })
      .toMatchObject([{}, "CACHE_CIRCUIT_OPEN"]);
    expect(await cache.invalidate(userProfile, { profileId: id })).toBe(false);
    expect(codes().at(-1)).toBe("CACHE_CONNECTION");
  });

  it("a node that falls silent between the capture and the fill", async () => {
    await using proxy = await Proxy.before(memcached);
    const cache = cacheOn(proxy.node.name, { limits: { timeoutMs: 1_500 } });
    const row = primary.commit(id);
    const load = () => {
      proxy.cut({ bytes: 0, then: "silence" });
      return primary.loader(id)();
    };
    expect(await cache.get(userProfile, { profileId: id }, load)).toEqual(row);
    expect(happened("fill")).toMatchObject([{ outcome: "unknown" }]);
  });
});

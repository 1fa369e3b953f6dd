import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { userProfile } from "./primary.ts";
import { peek, raw } from "./raw.ts";
import { cacheOfThisTest, happened, id, key, memcached, primary } from "./reading.ts";

describe("many readers of one cold key", () => {
  it("share one load in a process, each with a value of its own", async () => {
    const cache = cacheOfThisTest();
    const row = primary.commit(id);
    primary.hold();
    const reads = Array.from({ length: 200 }, () =>
      cache.get(userProfile, { profileId: id }, primary.loader(id)),
    );
    await expect.poll(() => happened("miss").length).toBe(200);
    primary.release();
    const values = await Promise.all(reads);
    expect(primary.loads).toBe(1);
    expect(new Set(values).size).toBe(200);
    for (const value of values) expect(value).toEqual(row);
  });

  it("do not share a load that began before an invalidation that they came after", async () => {
    const cache = cacheOfThisTest();
    primary.commit(id);
    primary.hold();
    const earlier = cache.get(userProfile, { profileId: id }, primary.loader(id));
    await expect.poll(() => primary.held).toBe(1);
    const row = primary.commit(id);
    await raw(memcached.port, `delete ${key}`);
    const later = cache.get(userProfile, { profileId: id }, primary.loader(id));
    await expect.poll(() => primary.held).toBe(2);
    primary.release();
    expect(await earlier).toMatchObject({ version: 1 });
    expect(await later).toEqual(row);
    expect(await peek(memcached.port, key)).toContain("name 2");
  });

  it("share the failure of the load", async () => {
    const cache = cacheOfThisTest();
    primary.hold();
    const failing = async () => {
      await primary.row(id);
      throw new Error("the database is away");
    };
    const reads = Array.from({ length: 10 }, () => cache.get(userProfile, { profileId: id }, failing));
    const outcomes = Promise.allSettled(reads);
    await expect.poll(() => happened("miss").length).toBe(10);
    primary.release();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: "rejected" });
    expect(primary.loads).toBe(1);
  });
});

describe("many misses", () => {
  it("load in their turn, and are refused when the queue is full, as an overloaded primary would", async () => {
    const cache = cacheOfThisTest({ maxLoads: 2, maxWaitingLoads: 3 });
    primary.hold();
    const reads = Array.from({ length: 10 }, () => {
      const profileId = randomUUID();
      return cache.get(userProfile, { profileId }, primary.loader(profileId));
    });
    const outcomes = Promise.allSettled(reads);
    await expect.poll(() => happened("miss").length).toBe(10);
    await expect.poll(() => primary.held).toBe(2);
    primary.release();
    const refused = (await outcomes).filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(5);
    for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: "LOAD_OVERLOADED" } });
    expect(primary.loads).toBe(5);
  });
});

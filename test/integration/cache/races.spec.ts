import { describe, expect, it } from "vitest";
import { userProfile } from "./primary.ts";
import {
  cachedVersion,
  commitAndInvalidate,
  id,
  key,
  memcached,
  primary,
  Reader,
  valueOf,
  driverOf,
} from "./racing.ts";
import { blindSet, peek, raw } from "./raw.ts";

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
    const letLookAgain = hold(other);
    const second = other.read();
    await expect.poll(() => other.misses).toEqual(["leased"]);
    await first.finish();
    letLookAgain();
    expect(await second).toMatchObject({ outcome: "hit", value: { version: 1 } });
    expect(primary.loads).toBe(1);
  });

  it("of which one waits while the key is invalidated: it takes the lease and loads the new row", async () => {
    primary.commit(id);
    const [holder, other] = [new Reader(), new Reader()];
    const first = await holder.readUntilLoaded();
    const letLookAgain = hold(other);
    const second = other.read();
    await expect.poll(() => other.misses).toEqual(["leased"]);
    await commitAndInvalidate();
    await first.finish();
    letLookAgain();
    expect(await second).toMatchObject({ outcome: "miss", value: { version: 2 } });
    expect([holder.fills, other.fills]).toEqual([["invalidated"], ["stored"]]);
    expect(await cachedVersion()).toBe(2);
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

/** Lets a reader that waits for another one's value wait until it is told to look. */
function hold(reader: Reader): () => void {
  let letLookAgain = (): void => undefined;
  reader.mayLookAgain = new Promise<void>((resolve) => {
    letLookAgain = resolve;
  });
  return letLookAgain;
}

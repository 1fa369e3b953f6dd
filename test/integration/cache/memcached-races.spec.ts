import { describe, expect, it } from "vitest";
import { Memcached } from "./memcached.ts";
import { Proxy } from "./proxy.ts";
import {
  cachedVersion,
  id,
  invalidate,
  key,
  memcached,
  primary,
  Reader,
  valueOf,
  casOf,
  driverOf,
} from "./racing.ts";
import { peek, raw } from "./raw.ts";

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
    // The answer of the get passes ("EN", an opaque of ten digits and the line's end), and one byte of that of the add.
    proxy.cut({ bytes: 17, then: "close" });
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

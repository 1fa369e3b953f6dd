import { MemjsDriver, MetaDriver } from "@freshet/cache";
import { driverConformance, Memcached, Proxy } from "@freshet/cache/conformance";
import { describe, expect, it } from "vitest";

driverConformance("the memjs driver", (node, options) => new MemjsDriver(node, options));
driverConformance("the meta driver", (node, options) => new MetaDriver(node, options));

describe("the memjs driver alone", () => {
  it("sends no credentials because of variables that memjs reads", async () => {
    process.env["MEMCACHE_USERNAME"] = "somebody";
    process.env["MEMCACHE_PASSWORD"] = "something";
    try {
      await using memcached = await Memcached.start();
      await using proxy = await Proxy.before(memcached);
      const driver = new MemjsDriver(proxy.node, { timeoutMs: 2_000 });
      await driver.version();
      expect(proxy.roundTrips).toBe(1);
      driver.close();
    } finally {
      delete process.env["MEMCACHE_USERNAME"];
      delete process.env["MEMCACHE_PASSWORD"];
    }
  });
});

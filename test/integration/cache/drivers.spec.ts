import { MemjsDriver, MetaDriver } from "@freshet/cache";
import { describe, expect, it } from "vitest";
import { driverConformance } from "./driver-conformance.ts";
import { Memcached } from "./memcached.ts";

driverConformance("the memjs driver", (node, options) => new MemjsDriver(node, options));
driverConformance("the meta driver", (node, options) => new MetaDriver(node, options));

describe("the memjs driver alone", () => {
  it("speaks no SASL because of a variable that was meant for another client", async () => {
    process.env["MEMCACHE_USERNAME"] = "somebody";
    process.env["MEMCACHE_PASSWORD"] = "something";
    try {
      await using memcached = await Memcached.start();
      const driver = new MemjsDriver(memcached.node, { timeoutMs: 2_000 });
      expect(await driver.version()).toMatch(/^\d/);
      driver.close();
    } finally {
      delete process.env["MEMCACHE_USERNAME"];
      delete process.env["MEMCACHE_PASSWORD"];
    }
  });
});

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type CreateDriver, MemjsDriver, MetaDriver } from "@freshet/cache";
import { driverConformance, Memcached, Proxy } from "@freshet/cache/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let memcached: Memcached;

beforeAll(async () => {
  memcached = await Memcached.start();
});
afterAll(() => memcached[Symbol.asyncDispose]());

describe("the memjs driver", () => {
  for (const { name, run } of driverConformance((node, options) => new MemjsDriver(node, options)))
    it(name, () => run(memcached));
});

describe("the meta driver", () => {
  for (const { name, run } of driverConformance((node, options) => new MetaDriver(node, options)))
    it(name, () => run(memcached));
});

describe("the suite", () => {
  it("fails a driver that answers what is not so", async () => {
    const failed: string[] = [];
    const lying: CreateDriver = (node, options) =>
      Object.assign(new MetaDriver(node, options), { touch: () => Promise.resolve("touched") });
    for (const { name, run } of driverConformance(lying))
      if (name.includes("touched")) await run(memcached).catch(() => failed.push(name));
    expect(failed).toEqual(["one key can be touched while it is there"]);
  });

  it("runs under Node's own test runner as well", async () => {
    const file = fileURLToPath(new URL("conformance.node-test.ts", import.meta.url));
    const args = ["--import", "tsx", "--conditions=@freshet/source", "--test", "--test-reporter=tap", file];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const promises = driverConformance((node, options) => new MetaDriver(node, options)).length;
    expect(stdout).toContain(`\n# pass ${promises}\n# fail 0\n`);
  });
});

describe("the memjs driver alone", () => {
  it("sends no credentials because of variables that memjs reads", async () => {
    process.env["MEMCACHE_USERNAME"] = "somebody";
    process.env["MEMCACHE_PASSWORD"] = "something";
    try {
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

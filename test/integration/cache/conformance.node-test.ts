// The conformance suite under Node's own test runner; conformance.spec.ts runs it.
import { after, test } from "node:test";
import { MetaDriver } from "@freshet/cache";
import { driverConformance, Memcached } from "@freshet/cache/conformance";

const memcached = await Memcached.start();
after(() => memcached[Symbol.asyncDispose]());
for (const { name, run } of driverConformance((node, options) => new MetaDriver(node, options)))
  void test(name, () => run(memcached));

import { deepEqual, rejects } from "node:assert/strict";
import type { Case } from "./case.ts";
import { uniqueKey } from "./case.ts";

export const limits: readonly Case[] = [
  [
    "refuse what is too much in flight at once, and hold back nothing afterwards",
    async ({ memcached, connect }) => {
      const driver = connect(memcached.node, { timeoutMs: 2_000, maxInFlight: 10 });
      const answers = await Promise.all(
        Array.from({ length: 15 }, () =>
          driver.version().then(
            () => "answered",
            (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
          ),
        ),
      );
      deepEqual(answers, [
        ...Array<string>(10).fill("answered"),
        ...Array<string>(5).fill("CACHE_OVERLOADED"),
      ]);
      await driver.deleteMany(Array.from({ length: 5_000 }, uniqueKey));
    },
  ],
  [
    "count bytes, too",
    async ({ memcached, connect }) => {
      const driver = connect(memcached.node, { timeoutMs: 2_000, maxBytesInFlight: 1_000 });
      await rejects(driver.add("a", Buffer.alloc(1_000), 60), { code: "CACHE_OVERLOADED" });
    },
  ],
  [
    "end with close: what is in flight and what comes later rejects",
    async ({ connect }) => {
      const driver = connect();
      const inFlight = driver.version();
      driver.close();
      await rejects(inFlight, { code: "CACHE_CLOSED" });
      await rejects(driver.get("a"), { code: "CACHE_CLOSED" });
    },
  ],
];

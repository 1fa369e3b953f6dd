import type { CreateDriver, MemcachedDriver } from "../drivers/driver.ts";
import type { Memcached } from "./memcached.ts";
import type { Case } from "./suite/case.ts";
import { fill } from "./suite/fill.ts";
import { keysAndValues } from "./suite/keys-and-values.ts";
import { limits } from "./suite/limits.ts";
import { manyKeys } from "./suite/many-keys.ts";
import { node } from "./suite/node.ts";
import { oneKey } from "./suite/one-key.ts";

/** One thing that every driver of a memcached node promises. */
export interface DriverPromise {
  readonly name: string;
  /**
   * Plays it on a real memcached; several promises may share one.
   * @throws AssertionError when the driver does not hold it
   */
  readonly run: (memcached: Memcached) => Promise<void>;
}

const suite: readonly (readonly [about: string, cases: readonly Case[]])[] = [
  ["one key", oneKey],
  ["many keys", manyKeys],
  ["keys and values:", keysAndValues],
  ["the node", node],
  ["a fill", fill],
  ["its limits", limits],
];

/** What every driver of a memcached node promises, for any test runner: give each one's `run` to a test. */
export function driverConformance(makeDriver: CreateDriver): readonly DriverPromise[] {
  return suite.flatMap(([about, cases]) =>
    cases.map(([name, play]) => ({
      name: `${about} ${name}`,
      run: async (memcached: Memcached) => {
        const drivers: MemcachedDriver[] = [];
        try {
          await play({
            memcached,
            connect: (to = memcached.node, options = { timeoutMs: 2_000 }) => {
              const driver = makeDriver(to, options);
              drivers.push(driver);
              return driver;
            },
          });
        } finally {
          for (const driver of drivers) driver.close();
        }
      },
    })),
  );
}

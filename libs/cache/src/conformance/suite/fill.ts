import { deepEqual, equal } from "node:assert/strict";
import { Memcached } from "../memcached.ts";
import { Proxy } from "../proxy.ts";
import { addOf, bytes, type Case, uniqueKey, untilUp } from "./case.ts";

export const fill: readonly Case[] = [
  [
    "is refused when memcached was restarted since the capture, although the CAS unique matches",
    async ({ connect }) => {
      await using own = await Memcached.start();
      const driver = connect(own.node);
      const key = uniqueKey();
      const before = await addOf(driver, key);
      await own.restart();
      const after = await untilUp(() => addOf(driver, key));
      equal(after.unique, before.unique);
      equal(await driver.cas(key, bytes("old"), 60, before), "connection_changed");
      deepEqual((await driver.get(key))?.value, bytes("one"));
    },
  ],
  [
    "is refused when only the connection changed",
    async ({ memcached, connect }) => {
      await using proxy = await Proxy.before(memcached);
      const driver = connect(proxy.node);
      const key = uniqueKey();
      const token = await addOf(driver, key);
      proxy.closeConnections();
      await untilUp(() => driver.version());
      equal(await driver.cas(key, bytes("old"), 60, token), "connection_changed");
    },
  ],
  [
    "is refused with another driver's token",
    async ({ connect }) => {
      const key = uniqueKey();
      const token = await addOf(connect(), key);
      const other = connect();
      await other.version();
      equal(await other.cas(key, bytes("old"), 60, token), "connection_changed");
    },
  ],
];

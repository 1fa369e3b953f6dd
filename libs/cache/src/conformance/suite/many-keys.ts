import { deepEqual, equal, rejects } from "node:assert/strict";
import { Proxy } from "../proxy.ts";
import { addOf, bytes, type Case, uniqueKey } from "./case.ts";

export const manyKeys: readonly Case[] = [
  [
    "are read in one round trip, the absent ones left out",
    async ({ memcached, connect }) => {
      await using proxy = await Proxy.before(memcached);
      const driver = connect(proxy.node);
      const keys = Array.from({ length: 300 }, uniqueKey);
      const present = keys.filter((_, index) => index % 3 !== 2);
      for (const key of present) await driver.add(key, bytes(key), 60);
      const roundTripsBefore = proxy.roundTrips;
      const found = await driver.getMany(keys);
      equal(proxy.roundTrips - roundTripsBefore, 1);
      deepEqual([...found.keys()], present);
      for (const [key, { value }] of found) deepEqual(value, bytes(key));
    },
  ],
  [
    "give tokens that replace",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      await addOf(driver, key);
      const captured = (await driver.getMany([uniqueKey(), key])).get(key);
      equal(captured && (await driver.cas(key, bytes("two"), 60, captured.cas)), "stored");
    },
  ],
  [
    "may be none or the same one",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      await addOf(driver, key);
      deepEqual(await driver.getMany([]), new Map());
      deepEqual([...(await driver.getMany([key, key])).keys()], [key]);
      await driver.deleteMany([]);
      await driver.deleteMany([key, key]);
      equal(await driver.get(key), undefined);
    },
  ],
  [
    "are deleted, present or absent, however many",
    async ({ connect }) => {
      const driver = connect();
      const keys = Array.from({ length: 5_000 }, uniqueKey);
      const present = keys.filter((_, index) => index % 2 === 0);
      await Promise.all(present.map((key) => driver.add(key, bytes("x"), 60)));
      await driver.deleteMany(keys);
      deepEqual(await driver.getMany(keys), new Map());
    },
  ],
  [
    "are not acknowledged when the connection ends between them",
    async ({ memcached, connect }) => {
      await using proxy = await Proxy.before(memcached);
      const driver = connect(proxy.node);
      await driver.version();
      proxy.cut({ bytes: 30, then: "close" });
      const keys = Array.from({ length: 5_000 }, uniqueKey);
      await rejects(driver.deleteMany(keys), { code: "CACHE_CONNECTION" });
    },
  ],
  [
    "get each its own answer when all are asked for at once",
    async ({ connect }) => {
      const driver = connect();
      const keys = Array.from({ length: 2_000 }, uniqueKey);
      await Promise.all(keys.map((key) => driver.add(key, bytes(key), 60)));
      const values = await Promise.all(keys.map((key) => driver.get(key)));
      deepEqual(
        values.map((stored) => stored?.value.toString()),
        keys,
      );
    },
  ],
];

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { addOf, bytes, type Case, uniqueKey } from "./case.ts";

const refusedKeys = [
  ["empty", ""],
  ["over 250 bytes", "k".repeat(251)],
  ["over 250 bytes in fewer characters", "ü".repeat(126)],
  ["with a space", "a b"],
  ["with a line end", "a\r\nflush_all"],
  ["with a control character", "a\u007f"],
  ["with half a character", "a\ud800"],
].map(([what = "", key = ""]): Case => [
  `a key that is ${what} is refused before anything is sent`,
  async ({ connect }) => {
    const driver = connect();
    const neighbour = driver.version();
    const refused = { code: "CACHE_KEY_INVALID" };
    await rejects(driver.get(key), refused);
    await rejects(driver.getMany(["a", key]), refused);
    await rejects(driver.add(key, bytes("x"), 60), refused);
    await rejects(driver.cas(key, bytes("x"), 60, { epoch: 1, unique: 1n }), refused);
    await rejects(driver.delete(key), refused);
    await rejects(driver.deleteMany(["a", key]), refused);
    await rejects(driver.touch(key, 60), refused);
    match(await neighbour, /^\d/);
  },
]);

const keysAsTheyAre = [
  "k".repeat(250),
  "ü".repeat(125),
  "user_profile_by_handle:成员",
  "\u0085\u2028",
  "~!",
].map((key): Case => [
  `the key ${JSON.stringify(key)} reaches memcached as it is`,
  async ({ connect }) => {
    const driver = connect();
    await driver.delete(key);
    await addOf(driver, key);
    deepEqual([...(await driver.getMany([key])).keys()], [key]);
    await driver.deleteMany([key]);
    equal(await driver.get(key), undefined);
  },
]);

const values = (
  [
    ["no bytes", Buffer.alloc(0)],
    ["line ends and zeros", bytes("\r\nEN\r\n\0VA 3\r\n")],
    ["every byte", Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
    ["1,000,000 bytes", randomBytes(1_000_000)],
  ] as const
).map(([what, value]): Case => [
  `a value of ${what} comes back as it was`,
  async ({ connect }) => {
    const driver = connect();
    const key = uniqueKey();
    await driver.add(key, value, 60);
    equal((await driver.get(key))?.value.equals(value), true);
  },
]);

const refusedLives = [0, -1, 1.5, 2_592_001, Number.NaN].map((ttlSeconds): Case => [
  `a life of ${ttlSeconds} s is refused`,
  async ({ connect }) => {
    const driver = connect();
    const key = uniqueKey();
    const refused = { code: "CACHE_VALUE_INVALID" };
    await rejects(driver.add(key, bytes("x"), ttlSeconds), refused);
    await rejects(driver.touch(key, ttlSeconds), refused);
  },
]);

export const keysAndValues: readonly Case[] = [
  ...refusedKeys,
  ...keysAsTheyAre,
  ...values,
  [
    "a value that memcached would refuse leaves the old one in place",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      const token = await addOf(driver, key);
      const tooLarge = Buffer.alloc(1_000_001);
      await rejects(driver.cas(key, tooLarge, 60, token), { code: "CACHE_VALUE_INVALID" });
      deepEqual((await driver.get(key))?.value, bytes("one"));
    },
  ],
  ...refusedLives,
  [
    "the longest life is no date",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      await driver.add(key, bytes("one"), 2_592_000);
      deepEqual((await driver.get(key))?.value, bytes("one"));
    },
  ],
];

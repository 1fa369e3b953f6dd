import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { MemcachedDriver } from "../../drivers/driver.ts";
import { addOf, bytes, type Case, uniqueKey } from "./case.ts";

export const oneKey: readonly Case[] = [
  [
    "is absent until it is added, and is added once",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      equal(await driver.get(key), undefined);
      equal((await driver.add(key, bytes("one"), 60)).stored, true);
      deepEqual(await driver.add(key, bytes("two"), 60), { stored: false });
      deepEqual((await driver.get(key))?.value, bytes("one"));
    },
  ],
  [
    "is replaced by the token that its add gave, and by no older one",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      const token = await addOf(driver, key);
      equal(await driver.cas(key, bytes("two"), 60, token), "stored");
      equal(await driver.cas(key, bytes("three"), 60, token), "exists");
      deepEqual((await driver.get(key))?.value, bytes("two"));
    },
  ],
  [
    "is replaced by the token that a get captured",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      await addOf(driver, key);
      const captured = await driver.get(key);
      equal(captured && (await driver.cas(key, bytes("two"), 60, captured.cas)), "stored");
    },
  ],
  [
    "is deleted whether it is there or not, and is not written back by a token from before",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      const token = await addOf(driver, key);
      equal(await driver.delete(key), "deleted");
      equal(await driver.delete(key), "not_found");
      equal(await driver.cas(key, bytes("old"), 60, token), "not_found");
      await addOf(driver, key);
      equal(await driver.cas(key, bytes("old"), 60, token), "exists");
    },
  ],
  [
    "is never overwritten blindly: CAS 0 is refused",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      const { epoch } = await addOf(driver, key);
      const blind = driver.cas(key, bytes("blind"), 60, { epoch, unique: 0n });
      await rejects(blind, { code: "CACHE_CAS_INVALID" });
      deepEqual((await driver.get(key))?.value, bytes("one"));
    },
  ],
  [
    "can be touched while it is there",
    async ({ connect }) => {
      const driver = connect();
      const key = uniqueKey();
      equal(await driver.touch(key, 60), "not_found");
      await addOf(driver, key);
      equal(await driver.touch(key, 60), "touched");
      deepEqual((await driver.get(key))?.value, bytes("one"));
    },
  ],
  [
    "behaves like a map with versions under any sequence of commands",
    async ({ connect }) => {
      const driver = connect();
      const command = fc.constantFrom("get", "add", "cas", "delete", "deleteMany", "touch");
      await fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
          await playLikeAMap(driver, commands);
        }),
        { numRuns: 50 },
      );
    },
  ],
];

/** Every write gives the key a new token; only the newest replaces. */
async function playLikeAMap(driver: MemcachedDriver, commands: readonly string[]): Promise<void> {
  const key = uniqueKey();
  let model: string | undefined;
  let captured: { of: string; token: Awaited<ReturnType<typeof addOf>> } | undefined;
  for (const [step, command] of commands.entries()) {
    const written = `written at ${step}`;
    if (command === "get") {
      const stored = await driver.get(key);
      equal(stored?.value.toString(), model);
      captured = stored && { of: stored.value.toString(), token: stored.cas };
    } else if (command === "add") {
      const added = await driver.add(key, bytes(written), 60);
      equal(added.stored, model === undefined);
      if (added.stored) captured = { of: (model = written), token: added.cas };
    } else if (command === "cas" && captured) {
      const answer = await driver.cas(key, bytes(written), 60, captured.token);
      equal(answer, model === undefined ? "not_found" : model === captured.of ? "stored" : "exists");
      if (answer === "stored") model = written;
    } else if (command === "delete") {
      equal(await driver.delete(key), model === undefined ? "not_found" : "deleted");
      model = undefined;
    } else if (command === "deleteMany") {
      await driver.deleteMany([key]);
      model = undefined;
    } else if (command === "touch") {
      equal(await driver.touch(key, 60), model === undefined ? "not_found" : "touched");
    }
  }
}

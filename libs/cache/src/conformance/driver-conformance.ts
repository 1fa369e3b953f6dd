import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { FreshetError } from "@freshet/contracts";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CreateDriver, MemcachedDriver } from "../drivers/driver.ts";
import { freePort, Memcached } from "./memcached.ts";
import { Proxy } from "./proxy.ts";

/**
 * What every driver of a memcached node promises, as vitest's tests on a real memcached (the command `memcached` must
 * be there): call it in a spec of yours.
 */
export function driverConformance(name: string, makeDriver: CreateDriver): void {
  describe(name, () => {
    let memcached: Memcached;
    let drivers: MemcachedDriver[] = [];
    const connectTo: CreateDriver = (node, options = { timeoutMs: 2_000 }) => {
      const driver = makeDriver(node, options);
      drivers.push(driver);
      return driver;
    };
    const driverOfThisTest = () => connectTo(memcached.node);

    beforeAll(async () => {
      memcached = await Memcached.start();
    });
    afterEach(() => {
      for (const driver of drivers) driver.close();
      drivers = [];
    });
    afterAll(() => memcached[Symbol.asyncDispose]());

    describe("one key", () => {
      it("is absent until it is added, and is added once", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        expect(await driver.get(key)).toBeUndefined();
        expect(await driver.add(key, bytes("one"), 60)).toMatchObject({ stored: true });
        expect(await driver.add(key, bytes("two"), 60)).toEqual({ stored: false });
        expect((await driver.get(key))?.value).toEqual(bytes("one"));
      });

      it("is replaced by the token that its add gave, and by no older one", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        const token = await addOf(driver, key);
        expect(await driver.cas(key, bytes("two"), 60, token)).toBe("stored");
        expect(await driver.cas(key, bytes("three"), 60, token)).toBe("exists");
        expect((await driver.get(key))?.value).toEqual(bytes("two"));
      });

      it("is replaced by the token that a get captured", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        await addOf(driver, key);
        const captured = await driver.get(key);
        expect(captured && (await driver.cas(key, bytes("two"), 60, captured.cas))).toBe("stored");
      });

      it("is deleted whether it is there or not, and is not written back by a token from before", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        const token = await addOf(driver, key);
        expect(await driver.delete(key)).toBe("deleted");
        expect(await driver.delete(key)).toBe("not_found");
        expect(await driver.cas(key, bytes("old"), 60, token)).toBe("not_found");
        await addOf(driver, key);
        expect(await driver.cas(key, bytes("old"), 60, token)).toBe("exists");
      });

      it("is never overwritten blindly: CAS 0 is refused", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        const { epoch } = await addOf(driver, key);
        await expect(driver.cas(key, bytes("blind"), 60, { epoch, unique: 0n })).rejects.toMatchObject({
          code: "CACHE_CAS_INVALID",
        });
        expect((await driver.get(key))?.value).toEqual(bytes("one"));
      });

      it("can be touched while it is there", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        expect(await driver.touch(key, 60)).toBe("not_found");
        await addOf(driver, key);
        expect(await driver.touch(key, 60)).toBe("touched");
        expect((await driver.get(key))?.value).toEqual(bytes("one"));
      });

      it("behaves like a map with versions under any sequence of commands", async () => {
        const driver = driverOfThisTest();
        const command = fc.constantFrom("get", "add", "cas", "delete", "deleteMany", "touch");
        await fc.assert(
          fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
            await expectToBehaveLikeAMap(driver, commands);
          }),
          { numRuns: 50 },
        );
      });
    });

    describe("many keys", () => {
      it("are read in one round trip, the absent ones left out", async () => {
        await using proxy = await Proxy.before(memcached);
        const driver = connectTo(proxy.node);
        const keys = Array.from({ length: 300 }, uniqueKey);
        const present = keys.filter((_, index) => index % 3 !== 2);
        for (const key of present) await driver.add(key, bytes(key), 60);
        const roundTripsBefore = proxy.roundTrips;
        const found = await driver.getMany(keys);
        expect(proxy.roundTrips - roundTripsBefore).toBe(1);
        expect([...found.keys()]).toEqual(present);
        for (const [key, { value }] of found) expect(value).toEqual(bytes(key));
      });

      it("give tokens that replace", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        await addOf(driver, key);
        const captured = (await driver.getMany([uniqueKey(), key])).get(key);
        expect(captured && (await driver.cas(key, bytes("two"), 60, captured.cas))).toBe("stored");
      });

      it("may be none or the same one", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        await addOf(driver, key);
        expect(await driver.getMany([])).toEqual(new Map());
        expect([...(await driver.getMany([key, key])).keys()]).toEqual([key]);
        await driver.deleteMany([]);
        await driver.deleteMany([key, key]);
        expect(await driver.get(key)).toBeUndefined();
      });

      it("are deleted, present or absent, however many", async () => {
        const driver = driverOfThisTest();
        const keys = Array.from({ length: 5_000 }, uniqueKey);
        const present = keys.filter((_, index) => index % 2 === 0);
        await Promise.all(present.map((key) => driver.add(key, bytes("x"), 60)));
        await driver.deleteMany(keys);
        expect(await driver.getMany(keys)).toEqual(new Map());
      });

      it("are not acknowledged when the connection ends between them", async () => {
        await using proxy = await Proxy.before(memcached);
        const driver = connectTo(proxy.node);
        await driver.version();
        proxy.cut({ bytes: 30, then: "close" });
        const keys = Array.from({ length: 5_000 }, uniqueKey);
        await expect(driver.deleteMany(keys)).rejects.toMatchObject({ code: "CACHE_CONNECTION" });
      });

      it("get each its own answer when all are asked for at once", async () => {
        const driver = driverOfThisTest();
        const keys = Array.from({ length: 2_000 }, uniqueKey);
        await Promise.all(keys.map((key) => driver.add(key, bytes(key), 60)));
        const values = await Promise.all(keys.map((key) => driver.get(key)));
        expect(values.map((stored) => stored?.value.toString())).toEqual(keys);
      });
    });

    describe("keys and values", () => {
      it.each([
        ["empty", ""],
        ["over 250 bytes", "k".repeat(251)],
        ["over 250 bytes in fewer characters", "ü".repeat(126)],
        ["with a space", "a b"],
        ["with a line end", "a\r\nflush_all"],
        ["with a control character", "a\u007f"],
        ["with half a character", "a\ud800"],
      ])("a key that is %s is refused before anything is sent", async (_, key) => {
        const driver = driverOfThisTest();
        const neighbour = driver.version();
        const refused = { code: "CACHE_KEY_INVALID" };
        await expect(driver.get(key)).rejects.toMatchObject(refused);
        await expect(driver.getMany(["a", key])).rejects.toMatchObject(refused);
        await expect(driver.add(key, bytes("x"), 60)).rejects.toMatchObject(refused);
        await expect(driver.cas(key, bytes("x"), 60, { epoch: 1, unique: 1n })).rejects.toMatchObject(
          refused,
        );
        await expect(driver.delete(key)).rejects.toMatchObject(refused);
        await expect(driver.deleteMany(["a", key])).rejects.toMatchObject(refused);
        await expect(driver.touch(key, 60)).rejects.toMatchObject(refused);
        await expect(neighbour).resolves.toMatch(/^\d/);
      });

      it.each(["k".repeat(250), "ü".repeat(125), "user_profile_by_handle:成员", "\u0085\u2028", "~!"])(
        "the key %j reaches memcached as it is",
        async (key) => {
          const driver = driverOfThisTest();
          await driver.delete(key);
          await addOf(driver, key);
          expect([...(await driver.getMany([key])).keys()]).toEqual([key]);
          await driver.deleteMany([key]);
          expect(await driver.get(key)).toBeUndefined();
        },
      );

      it.each([
        ["no bytes", Buffer.alloc(0)],
        ["line ends and zeros", bytes("\r\nEN\r\n\0VA 3\r\n")],
        ["every byte", Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
        ["1,000,000 bytes", randomBytes(1_000_000)],
      ])("a value of %s comes back as it was", async (_, value) => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        await driver.add(key, value, 60);
        expect((await driver.get(key))?.value.equals(value)).toBe(true);
      });

      it("a value that memcached would refuse leaves the old one in place", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        const token = await addOf(driver, key);
        const tooLarge = Buffer.alloc(1_000_001);
        await expect(driver.cas(key, tooLarge, 60, token)).rejects.toMatchObject({
          code: "CACHE_VALUE_INVALID",
        });
        expect((await driver.get(key))?.value).toEqual(bytes("one"));
      });

      it.each([0, -1, 1.5, 2_592_001, Number.NaN])("a life of %d s is refused", async (ttlSeconds) => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        const refused = { code: "CACHE_VALUE_INVALID" };
        await expect(driver.add(key, bytes("x"), ttlSeconds)).rejects.toMatchObject(refused);
        await expect(driver.touch(key, ttlSeconds)).rejects.toMatchObject(refused);
      });

      it("the longest life is no date", async () => {
        const driver = driverOfThisTest();
        const key = uniqueKey();
        await driver.add(key, bytes("one"), 2_592_000);
        expect((await driver.get(key))?.value).toEqual(bytes("one"));
      });
    });

    describe("the node", () => {
      it("tells its version and can be emptied; tokens from before are worth nothing", async () => {
        await using own = await Memcached.start();
        const driver = connectTo(own.node);
        const key = uniqueKey();
        const token = await addOf(driver, key);
        expect(await driver.version()).toMatch(/^\d+\.\d+/);
        await driver.flushAll();
        expect(await driver.get(key)).toBeUndefined();
        expect(await driver.cas(key, bytes("old"), 60, token)).toBe("not_found");
      });

      it("that is not there rejects the call", async () => {
        const port = await freePort();
        const driver = connectTo({ name: `127.0.0.1:${port}`, host: "127.0.0.1", port });
        const refused = driver.get("a");
        await expect(refused).rejects.toMatchObject({ code: "CACHE_CONNECTION" });
        await expect(refused).rejects.toThrow("ECONNREFUSED");
      });

      it("that refuses a command rejects that one alone", async () => {
        await using own = await Memcached.start("-I", "512k");
        const driver = connectTo(own.node);
        const key = uniqueKey();
        const answers = Promise.allSettled([
          driver.add(key, bytes("one"), 60),
          driver.add(uniqueKey(), Buffer.alloc(600_000), 60),
          driver.get(key),
        ]);
        expect(await answers).toMatchObject([
          { status: "fulfilled" },
          { status: "rejected", reason: { code: "CACHE_SERVER_ERROR" } },
          { status: "fulfilled", value: { value: bytes("one") } },
        ]);
      });

      it("keeps no connection that was given up", async () => {
        await using proxy = await Proxy.before(memcached);
        const driver = connectTo(proxy.node, { timeoutMs: 100 });
        await untilUp(() => driver.version());
        proxy.cut({ bytes: 0, then: "silence" });
        await expect(driver.get("a")).rejects.toMatchObject({ code: "CACHE_TIMEOUT" });
        await expect.poll(() => proxy.connections).toBe(0);
      });

      it("that closes under requests in flight rejects each of them, and serves the next", async () => {
        await using proxy = await Proxy.before(memcached);
        const driver = connectTo(proxy.node);
        await driver.version();
        proxy.cut({ bytes: 0, then: "silence" });
        const arrived = proxy.request();
        const calls = [
          driver.get("a"),
          driver.delete("a"),
          driver.deleteMany(["a", "b"]),
          driver.getMany(["a"]),
        ];
        const outcomes = Promise.allSettled(calls);
        await arrived;
        proxy.closeConnections();
        for (const outcome of await outcomes)
          expect(outcome).toMatchObject({ status: "rejected", reason: { code: "CACHE_CONNECTION" } });
        proxy.pass();
        expect(await driver.version()).toMatch(/^\d/);
      });

      it("that does not answer rejects by the deadline, and is served again when it does", async () => {
        await using own = await Memcached.start();
        const driver = connectTo(own.node, { timeoutMs: 50 });
        const key = uniqueKey();
        await untilUp(() => driver.version());
        await own.freeze();
        await expect(driver.get(key)).rejects.toMatchObject({ code: "CACHE_TIMEOUT" });
        // A new connection, to which nobody answers either.
        await expect(driver.deleteMany([key])).rejects.toMatchObject({ code: "CACHE_TIMEOUT" });
        own.thaw();
        await expect.poll(() => driver.get(key).catch(() => "not yet")).toBeUndefined();
      });

      it("is given time for what was sent in a long turn of the event loop", async () => {
        const driver = connectTo(memcached.node, { timeoutMs: 100 });
        const answer = () =>
          new Promise((resolve) => {
            // Made before the driver's own timer, with the same delay: its immediate comes first in their turn.
            setTimeout(() => {
              setImmediate(() => {
                resolve(driver.version());
                for (const end = performance.now() + 150; performance.now() < end;);
              });
            }, 100);
            driver.version().catch(() => undefined);
          });
        // On a busy machine memcached itself may once be too late.
        await expect.poll(answer, { timeout: 30_000 }).toMatch(/^1\./);
      });

      it("that sends half an answer and then nothing spoils no later answer", async () => {
        await using proxy = await Proxy.before(memcached);
        const driver = connectTo(proxy.node, { timeoutMs: 100 });
        const [key, other] = [uniqueKey(), uniqueKey()];
        await untilUp(() => driver.version());
        await untilUp(() => driver.add(key, bytes("one"), 60));
        await untilUp(() => driver.add(other, bytes("two"), 60));
        proxy.cut({ bytes: 10, then: "silence" });
        await expect(driver.get(key)).rejects.toMatchObject({ code: "CACHE_TIMEOUT" });
        proxy.pass();
        expect((await untilUp(() => driver.get(other)))?.value).toEqual(bytes("two"));
      });

      it("that is no memcached rejects the call", async () => {
        const server = createServer((socket) => {
          socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }).listen(0, "127.0.0.1");
        await once(server, "listening");
        const address = server.address();
        const port = typeof address === "object" ? (address?.port ?? 0) : 0;
        const driver = connectTo({ name: `127.0.0.1:${port}`, host: "127.0.0.1", port });
        await expect(driver.get("a")).rejects.toMatchObject({ code: "CACHE_CONNECTION" });
        server.close();
      });
    });

    describe("a fill", () => {
      it("is refused when memcached was restarted since the capture, although the CAS unique matches", async () => {
        await using own = await Memcached.start();
        const driver = connectTo(own.node);
        const key = uniqueKey();
        const before = await addOf(driver, key);
        await own.restart();
        const after = await untilUp(() => addOf(driver, key));
        expect(after.unique).toBe(before.unique);
        expect(await driver.cas(key, bytes("old"), 60, before)).toBe("connection_changed");
        expect((await driver.get(key))?.value).toEqual(bytes("one"));
      });

      it("is refused when only the connection changed", async () => {
        await using proxy = await Proxy.before(memcached);
        const driver = connectTo(proxy.node);
        const key = uniqueKey();
        const token = await addOf(driver, key);
        proxy.closeConnections();
        await untilUp(() => driver.version());
        expect(await driver.cas(key, bytes("old"), 60, token)).toBe("connection_changed");
      });

      it("is refused with another driver's token", async () => {
        const key = uniqueKey();
        const token = await addOf(driverOfThisTest(), key);
        const other = driverOfThisTest();
        await other.version();
        expect(await other.cas(key, bytes("old"), 60, token)).toBe("connection_changed");
      });
    });

    describe("its limits", () => {
      it("refuse what is too much in flight at once, and hold back nothing afterwards", async () => {
        const driver = connectTo(memcached.node, { timeoutMs: 2_000, maxInFlight: 10 });
        const calls = Array.from({ length: 15 }, () => driver.version());
        const outcomes = await Promise.allSettled(calls);
        expect(outcomes.map(({ status }) => status)).toEqual([
          ...Array<string>(10).fill("fulfilled"),
          ...Array<string>(5).fill("rejected"),
        ]);
        expect(outcomes[10]).toMatchObject({ reason: { code: "CACHE_OVERLOADED" } });
        await driver.deleteMany(Array.from({ length: 5_000 }, uniqueKey));
      });

      it("count bytes, too", async () => {
        const driver = connectTo(memcached.node, { timeoutMs: 2_000, maxBytesInFlight: 1_000 });
        await expect(driver.add("a", Buffer.alloc(1_000), 60)).rejects.toMatchObject({
          code: "CACHE_OVERLOADED",
        });
      });

      it("end with close: what is in flight and what comes later rejects", async () => {
        const driver = driverOfThisTest();
        const inFlight = driver.version();
        driver.close();
        await expect(inFlight).rejects.toMatchObject({ code: "CACHE_CLOSED" });
        await expect(driver.get("a")).rejects.toMatchObject({ code: "CACHE_CLOSED" });
      });
    });
  });
}

let keys = 0;
const run = randomUUID().slice(0, 8);

function uniqueKey(): string {
  return `conformance:${run}:${++keys}`;
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

async function addOf(driver: MemcachedDriver, key: string) {
  const added = await driver.add(key, bytes("one"), 60);
  if (!added.stored) throw new Error(`${key} was there already`);
  return added.cas;
}

const waitable: ReadonlySet<string> = new Set(["CACHE_CONNECTION", "CACHE_TIMEOUT"]);

/** Repeats a call until the new connection stands. */
async function untilUp<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof FreshetError && waitable.has(error.code))) throw error;
    }
  }
}

/** Every write gives the key a new token; only the newest replaces. */
async function expectToBehaveLikeAMap(driver: MemcachedDriver, commands: readonly string[]): Promise<void> {
  const key = uniqueKey();
  let model: string | undefined;
  let captured: { of: string; token: Awaited<ReturnType<typeof addOf>> } | undefined;
  for (const [step, command] of commands.entries()) {
    const written = `written at ${step}`;
    if (command === "get") {
      const stored = await driver.get(key);
      expect(stored?.value.toString()).toBe(model);
      captured = stored && { of: stored.value.toString(), token: stored.cas };
    } else if (command === "add") {
      const added = await driver.add(key, bytes(written), 60);
      expect(added.stored).toBe(model === undefined);
      if (added.stored) captured = { of: (model = written), token: added.cas };
    } else if (command === "cas" && captured) {
      const answer = await driver.cas(key, bytes(written), 60, captured.token);
      expect(answer).toBe(model === undefined ? "not_found" : model === captured.of ? "stored" : "exists");
      if (answer === "stored") model = written;
    } else if (command === "delete") {
      expect(await driver.delete(key)).toBe(model === undefined ? "not_found" : "deleted");
      model = undefined;
    } else if (command === "deleteMany") {
      await driver.deleteMany([key]);
      model = undefined;
    } else if (command === "touch") {
      expect(await driver.touch(key, 60)).toBe(model === undefined ? "not_found" : "touched");
    }
  }
}

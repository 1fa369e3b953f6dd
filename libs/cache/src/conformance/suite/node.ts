import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { freePort, Memcached } from "../memcached.ts";
import { Proxy } from "../proxy.ts";
import { addOf, bytes, type Case, eventually, uniqueKey, untilUp } from "./case.ts";

export const node: readonly Case[] = [
  [
    "tells its version and can be emptied; tokens from before are worth nothing",
    async ({ connect }) => {
      await using own = await Memcached.start();
      const driver = connect(own.node);
      const key = uniqueKey();
      const token = await addOf(driver, key);
      match(await driver.version(), /^\d+\.\d+/);
      await driver.flushAll();
      equal(await driver.get(key), undefined);
      equal(await driver.cas(key, bytes("old"), 60, token), "not_found");
    },
  ],
  [
    "that is not there rejects the call",
    async ({ connect }) => {
      const port = await freePort();
      const driver = connect({ name: `127.0.0.1:${port}`, host: "127.0.0.1", port });
      await rejects(driver.get("a"), { code: "CACHE_CONNECTION", message: /ECONNREFUSED/ });
    },
  ],
  [
    "that refuses a command rejects that one alone",
    async ({ connect }) => {
      await using own = await Memcached.start("-I", "512k");
      const driver = connect(own.node);
      const key = uniqueKey();
      const [added, tooLarge, read] = await Promise.allSettled([
        driver.add(key, bytes("one"), 60),
        driver.add(uniqueKey(), Buffer.alloc(600_000), 60),
        driver.get(key),
      ]);
      equal(added.status, "fulfilled");
      await rejects(settled(tooLarge), { code: "CACHE_SERVER_ERROR" });
      deepEqual((await settled(read))?.value, bytes("one"));
    },
  ],
  [
    "keeps no connection that was given up",
    async ({ memcached, connect }) => {
      await using proxy = await Proxy.before(memcached);
      const driver = connect(proxy.node, { timeoutMs: 100 });
      await untilUp(() => driver.version());
      proxy.cut({ bytes: 0, then: "silence" });
      await rejects(driver.get("a"), { code: "CACHE_TIMEOUT" });
      await eventually(() => proxy.connections === 0);
    },
  ],
  [
    "that closes under requests in flight rejects each of them, and serves the next",
    async ({ memcached, connect }) => {
      await using proxy = await Proxy.before(memcached);
      const driver = connect(proxy.node);
      await driver.version();
      proxy.cut({ bytes: 0, then: "silence" });
      const arrived = proxy.request();
      const outcomes = Promise.allSettled([
        driver.get("a"),
        driver.delete("a"),
        driver.deleteMany(["a", "b"]),
        driver.getMany(["a"]),
      ]);
      await arrived;
      proxy.closeConnections();
      for (const outcome of await outcomes)
        await rejects(settled<unknown>(outcome), { code: "CACHE_CONNECTION" });
      proxy.pass();
      match(await driver.version(), /^\d/);
    },
  ],
  [
    "that does not answer rejects by the deadline, and is served again when it does",
    async ({ connect }) => {
      await using own = await Memcached.start();
      const driver = connect(own.node, { timeoutMs: 50 });
      const key = uniqueKey();
      await untilUp(() => driver.version());
      await own.freeze();
      await rejects(driver.get(key), { code: "CACHE_TIMEOUT" });
      // A new connection, to which nobody answers either.
      await rejects(driver.deleteMany([key]), { code: "CACHE_TIMEOUT" });
      own.thaw();
      await eventually(async () => (await driver.get(key).catch(() => "not yet")) === undefined);
    },
  ],
  [
    "is given time for what was sent in a long turn of the event loop",
    async ({ memcached, connect }) => {
      const driver = connect(memcached.node, { timeoutMs: 100 });
      const answer = () =>
        new Promise<string>((resolve) => {
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
      await eventually(async () => (await answer().catch(() => "")).startsWith("1."));
    },
  ],
  [
    "that sends half an answer and then nothing spoils no later answer",
    async ({ memcached, connect }) => {
      await using proxy = await Proxy.before(memcached);
      const driver = connect(proxy.node, { timeoutMs: 100 });
      const [key, other] = [uniqueKey(), uniqueKey()];
      await untilUp(() => driver.version());
      await untilUp(() => driver.add(key, bytes("one"), 60));
      await untilUp(() => driver.add(other, bytes("two"), 60));
      proxy.cut({ bytes: 10, then: "silence" });
      await rejects(driver.get(key), { code: "CACHE_TIMEOUT" });
      proxy.pass();
      deepEqual((await untilUp(() => driver.get(other)))?.value, bytes("two"));
    },
  ],
  [
    "that is no memcached rejects the call",
    async ({ connect }) => {
      const server = createServer((socket) => {
        socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      const port = typeof address === "object" ? (address?.port ?? 0) : 0;
      const driver = connect({ name: `127.0.0.1:${port}`, host: "127.0.0.1", port });
      await rejects(driver.get("a"), { code: "CACHE_CONNECTION" });
      server.close();
    },
  ],
];

/** What a settled call gave, or threw. */
function settled<Value>(outcome: PromiseSettledResult<Value>): Promise<Value> {
  return outcome.status === "fulfilled"
    ? Promise.resolve(outcome.value)
    : Promise.reject(outcome.reason as Error);
}

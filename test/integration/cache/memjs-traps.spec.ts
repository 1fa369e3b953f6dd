import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type CacheEvent, CachePool, MemjsDriver, ReadThroughCache } from "@freshet/cache";
import { renderKey } from "@freshet/contracts";
import memjs from "memjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Memcached } from "./memcached.ts";
import { Primary, userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";
import { blindSet, peek, raw } from "./raw.ts";

// What memjs's own Client does on a real node, and what our driver over memjs does there. Of failover, the last of
// its traps, alternatives.spec.ts tells.

const seconds = 60;

let memcached: Memcached;
let open: { close(): void }[];
let key: string;

beforeAll(async () => {
  memcached = await Memcached.start();
});
beforeEach(() => {
  open = [];
  key = `trap:${randomUUID()}`;
});
afterEach(() => {
  for (const each of open) each.close();
});
afterAll(() => memcached[Symbol.asyncDispose]());

/** It, which ends with this test. */
function opened<Client extends { close(): void }>(it: Client): Client {
  open.push(it);
  return it;
}

function plain(node = memcached.node.name, options: Parameters<typeof memjs.Client.create>[1] = {}) {
  const quiet = { timeout: 60, retries: 1, logger: { log: () => undefined } };
  return opened(memjs.Client.create(node, { ...quiet, ...options }));
}

function ours(of: { readonly node: Memcached["node"] } = memcached): MemjsDriver {
  return opened(new MemjsDriver(of.node, { timeoutMs: 30_000 }));
}

/** How a process ends that asks plain memjs for these keys at once and awaits the last: 13 is an await for ever. */
async function exitOfPlainReader(node: string, ...keys: readonly string[]): Promise<number | null> {
  const script = `
    import memjs from "memjs";
    const [node, ...keys] = process.argv.slice(1);
    const client = memjs.Client.create(node, { timeout: 60, retries: 1, logger: { log: () => undefined } });
    const answers = keys.map((key) => client.get(key));
    for (const answer of answers) answer.catch(() => undefined);
    await answers.at(-1);
    client.close();`;
  const args = ["--input-type=module", "--eval", script, "--", node, ...keys];
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  await once(child, "exit");
  return child.exitCode;
}

describe("after 2^31 requests", () => {
  it("memjs throws at every call", async () => {
    const client = plain();
    await client.get(key);
    client.seq = 2 ** 31 - 2;
    await client.get(key);
    for (let call = 0; call < 3; call++) await expect(client.get(key)).rejects.toBeInstanceOf(RangeError);
  });

  it("ours goes on: its requests cross 2^32 in every process, and 2^31 like any number", async () => {
    const driver = ours();
    for (let call = 0; call < 100; call++) expect(await driver.get(key)).toBeUndefined();
  });
});

describe("a node that closes the connection under a request", () => {
  it("leaves memjs's promise for ever unsettled", async () => {
    await using proxy = await Proxy.before(memcached);
    expect(await exitOfPlainReader(proxy.node.name, key)).toBe(0);
    proxy.cut({ bytes: 0, then: "close" });
    expect(await exitOfPlainReader(proxy.node.name, key)).toBe(13);
  });

  it("rejects ours", async () => {
    await using proxy = await Proxy.before(memcached);
    proxy.cut({ bytes: 0, then: "close" });
    await expect(ours(proxy).get(key)).rejects.toMatchObject({ code: "CACHE_CONNECTION" });
  });
});

describe("one time-out", () => {
  it("fails whatever memjs has in flight, and what it says has failed is executed later", async () => {
    await using own = await Memcached.start();
    await own.freeze();
    const client = plain(own.node.name, { timeout: 0.1, conntimeout: 60 });
    const calls = [client.set(key, "late", { expires: seconds }), client.get("another")];
    const [write, read] = await Promise.all(calls.map((call) => call.catch((error: unknown) => error)));
    expect(String(write)).toContain("timed out");
    expect(read).toBe(write);
    own.thaw();
    await expect.poll(() => peek(own.port, key), { timeout: 30_000 }).toBe("late");
  });

  it("fails no reader of ours, and what may be executed later is not counted as stored", async () => {
    await using own = await Memcached.start();
    const events: CacheEvent[] = [];
    const cache = opened(
      new ReadThroughCache({
        pools: { profiles: { nodes: own.node.name } },
        limits: { timeoutMs: 100 },
        createDriver: (node, options) => new MemjsDriver(node, options),
        on: (event) => events.push(event),
      }),
    );
    const primary = new Primary();
    const rows = ["1", "2"].map((id) => primary.commit(id));
    await own.freeze();
    const values = rows.map(({ id }) => cache.get(userProfile, { profileId: id }, primary.loader(id)));
    expect(await Promise.all(values)).toEqual(rows);
    const fills = events.filter((event) => event.type === "fill");
    expect(fills.map(({ outcome }) => outcome)).toEqual(["not_captured", "not_captured"]);
  });
});

describe("a key of more than 250 bytes", () => {
  const tooLong = "k".repeat(251);

  it("takes memjs's innocent requests on the same connection with it", async () => {
    expect(await exitOfPlainReader(memcached.node.name, key, key)).toBe(0);
    expect(await exitOfPlainReader(memcached.node.name, tooLong, key)).not.toBe(0);
  });

  it("is not sent by ours", async () => {
    const driver = ours();
    const refused = driver.get(tooLong);
    const innocent = driver.get(key);
    await expect(refused).rejects.toMatchObject({ code: "CACHE_KEY_INVALID" });
    expect(await innocent).toBeUndefined();
  });
});

describe("a key with a space", () => {
  it("is stored by memjs where no text client can delete it", async () => {
    const client = plain();
    const spaced = `${key} x`;
    expect(await client.set(spaced, "one", { expires: seconds })).toBe(true);
    expect(await raw(memcached.port, `delete ${spaced}`)).not.toContain("DELETED");
    expect((await client.get(spaced)).value?.toString()).toBe("one");
  });

  it("is refused by ours", async () => {
    await expect(ours().add(`${key} x`, Buffer.from("one"), seconds)).rejects.toMatchObject({
      code: "CACHE_KEY_INVALID",
    });
  });
});

describe("a life of more than 30 days", () => {
  const tooLong = 30 * 86_400 + 1;

  it("is a date long past to memjs's node: stored, and gone", async () => {
    const client = plain();
    expect(await client.set(key, "one", { expires: tooLong })).toBe(true);
    expect((await client.get(key)).value).toBeNull();
  });

  it("is refused by ours", async () => {
    await expect(ours().add(key, Buffer.from("one"), tooLong)).rejects.toMatchObject({
      code: "CACHE_VALUE_INVALID",
    });
  });
});

describe("a value of more than 1 MB", () => {
  const tooLarge = "x".repeat(1_100_000);

  it("removes the old one when memjs sends it", async () => {
    const client = plain();
    await client.set(key, "old", { expires: seconds });
    await expect(client.set(key, tooLarge, { expires: seconds })).rejects.toThrow("Value too large");
    expect(await peek(memcached.port, key)).toBeUndefined();
  });

  it("is not sent by ours: the old one stands", async () => {
    const driver = ours();
    const added = await driver.add(key, Buffer.from("old"), seconds);
    if (!added.stored) throw new Error(`${key} was there already`);
    await expect(driver.cas(key, Buffer.from(tooLarge), seconds, added.cas)).rejects.toMatchObject({
      code: "CACHE_VALUE_INVALID",
    });
    expect(await peek(memcached.port, key)).toBe("old");
  });
});

describe("an answer that is lost", () => {
  it.each(["add", "delete"] as const)(
    "makes memjs send the %s again and deny what it did",
    async (command) => {
      await using proxy = await Proxy.before(memcached);
      const after = command === "add" ? "one" : undefined;
      if (command === "delete") await blindSet(memcached.port, key, "one");
      const client = plain(proxy.node.name, { retries: 1_000 });
      proxy.cut({ bytes: 0, then: "reset" });
      const answer = command === "add" ? client.add(key, "one", { expires: seconds }) : client.delete(key);
      await expect.poll(() => peek(memcached.port, key), { timeout: 30_000 }).toBe(after);
      await proxy.request();
      proxy.pass();
      expect(await answer).toBe(false);
    },
  );

  it("is told as an unknown outcome by ours, which sends nothing twice", async () => {
    await using proxy = await Proxy.before(memcached);
    const driver = ours(proxy);
    proxy.cut({ bytes: 0, then: "reset" });
    const unknown = { code: "CACHE_CONNECTION" };
    await expect(driver.add(key, Buffer.from("one"), seconds)).rejects.toMatchObject(unknown);
    await expect(driver.delete(key)).rejects.toMatchObject(unknown);
    expect(proxy.roundTrips).toBe(2);
  });
});

describe("a value that changed since it was read", () => {
  it("is overwritten by memjs, which has no compare-and-swap", async () => {
    const client = plain();
    await client.set(key, "old", { expires: seconds });
    await client.get(key);
    await blindSet(memcached.port, key, "new");
    expect(await client.set(key, "old", { expires: seconds })).toBe(true);
    expect(await peek(memcached.port, key)).toBe("old");
  });

  it("is kept by ours", async () => {
    const driver = ours();
    const added = await driver.add(key, Buffer.from("old"), seconds);
    if (!added.stored) throw new Error(`${key} was there already`);
    await blindSet(memcached.port, key, "new");
    expect(await driver.cas(key, Buffer.from("old"), seconds, added.cas)).toBe("exists");
    expect(await peek(memcached.port, key)).toBe("new");
  });
});

describe("a fourth node", () => {
  const nodes = ["a", "b", "c", "d"].map((name) => `${name}.example:11211`);
  const keys = Array.from({ length: 2_000 }, (_, index) =>
    renderKey(userProfile.key, { profileId: String(index) }),
  );

  /** The share of the keys that another node owns then. */
  function moved(ownerOf: (nodes: readonly string[]) => (key: (typeof keys)[number]) => string | undefined) {
    const [before, after] = [ownerOf(nodes.slice(0, 3)), ownerOf(nodes)];
    return keys.filter((each) => before(each) !== after(each)).length / keys.length;
  }

  it("moves three keys of four with memjs", () => {
    const share = moved((list) => {
      const client = plain(list.join(","));
      return (each) => list[client.getServer(each)];
    });
    expect(share).toBeGreaterThan(0.7);
  });

  it("moves with ours little more than what it takes", () => {
    const share = moved((list) => {
      const pool = opened(new CachePool({ nodes: list.join(",") }, (node) => new MemjsDriver(node)));
      return (each) => pool.readerNodeOf(each);
    });
    expect(share).toBeLessThan(0.35);
  });
});

describe("options that servers share", () => {
  it("are written to by memjs: a later change of one is a change of all", () => {
    const options = { timeout: 1 };
    const client = opened(memjs.Client.create("a.example,b.example", options));
    expect(options).not.toEqual({ timeout: 1 });
    for (const server of client.servers) expect(server.options).toBe(options);
  });

  it("are only read by ours", async () => {
    const options = Object.freeze({ timeoutMs: 30_000 });
    for (let driver = 1; driver <= 2; driver++)
      expect(await opened(new MemjsDriver(memcached.node, options)).get(key)).toBeUndefined();
  });
});

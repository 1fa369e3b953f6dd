import { randomUUID } from "node:crypto";
import { BulkInvalidator, createTopology, MemjsDriver, parseNodeList } from "@freshet/cache";
import { type CacheKey, parseKeyTemplate, renderKey } from "@freshet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Memcached } from "./memcached.ts";

const template = parseKeyTemplate("bulk:{run}:{id}");

describe("bulk invalidation", () => {
  let memcached: Memcached[];
  let names: string[];

  beforeAll(async () => {
    memcached = await Promise.all([Memcached.start(), Memcached.start(), Memcached.start()]);
    names = memcached.map(({ node }) => node.name);
  });
  afterAll(() => Promise.all(memcached.map((node) => node[Symbol.asyncDispose]())));

  it.each(["ketama", "modulo"] as const)("deletes each key on the node that owns it (%s)", async (nodeOf) => {
    const keys = uniqueKeys(1_000);
    const { ownerOf } = createTopology(nodeOf, parseNodeList(names));
    await store(keys, (key) => [ownerOf(key).name]);
    using invalidator = closing(new BulkInvalidator({ nodes: names, nodeOf }, { timeoutMs: 5_000 }));
    expect(await invalidator.it.invalidate(keys)).toEqual(
      new Map(sorted(names, keys, (key) => ownerOf(key).name)),
    );
    expect(await nodesThatHold(keys)).toEqual([]);
  });

  it("deletes on the owner under each previous list, too", async () => {
    const keys = uniqueKeys(300);
    const [a = "", b = "", c = ""] = names;
    await store(keys, () => names);
    using invalidator = closing(
      new BulkInvalidator({ nodes: [a, b], previousNodes: [[a, b, c], [c]] }, { timeoutMs: 5_000 }),
    );
    const outcome = await invalidator.it.invalidate(keys);
    expect([...outcome.keys()].sort()).toEqual([...names].sort());
    // Every key is gone from c, and from its owner among a and b; the other of these two never owned it.
    const { ownerOf } = createTopology("ketama", parseNodeList([a, b]));
    const { ownerOf: formerOwnerOf } = createTopology("ketama", parseNodeList([a, b, c]));
    const leftOver = keys.flatMap((key) =>
      names.filter((name) => name !== c && name !== ownerOf(key).name && name !== formerOwnerOf(key).name),
    );
    expect((await nodesThatHold(keys)).length).toBe(leftOver.length);
    expect(await nodesThatHold(keys)).not.toContain(c);
  });

  it("names the node that missed its deletes and loses none of the others'", async () => {
    await using dead = await Memcached.start();
    const nodes = [...names, dead.node.name];
    const keys = uniqueKeys(400);
    const { ownerOf } = createTopology("ketama", parseNodeList(nodes));
    await store(
      keys.filter((key) => ownerOf(key).name !== dead.node.name),
      (key) => [ownerOf(key).name],
    );
    using invalidator = closing(new BulkInvalidator({ nodes }, { timeoutMs: 5_000 }));
    await dead.kill();
    const outcome = await invalidator.it.invalidate(keys);
    expect(outcome.get(dead.node.name)).toMatchObject({ code: "CACHE_CONNECTION" });
    expect(names.map((name) => outcome.get(name))).toEqual(names.map(() => "acknowledged"));
    expect(await nodesThatHold(keys)).toEqual([]);
    await expect(invalidator.it.probe(dead.node.name)).rejects.toMatchObject({ code: "CACHE_CONNECTION" });
    await dead.restart();
    await invalidator.it.probe(dead.node.name);
  });

  it("holds back no node because another is slow", async () => {
    await using slow = await Memcached.start();
    const nodes = [...names, slow.node.name];
    const keys = uniqueKeys(400);
    await slow.freeze();
    using invalidator = closing(new BulkInvalidator({ nodes }, { timeoutMs: 200 }));
    const outcome = await invalidator.it.invalidate(keys);
    expect(outcome.get(slow.node.name)).toMatchObject({ code: "CACHE_TIMEOUT" });
    expect(names.map((name) => outcome.get(name))).toEqual(names.map(() => "acknowledged"));
    slow.thaw();
  });

  it("flushes one node and no other", async () => {
    const keys = uniqueKeys(10);
    await store(keys, () => names);
    using invalidator = closing(new BulkInvalidator({ nodes: names }, { timeoutMs: 5_000 }));
    await invalidator.it.flush(names[0] ?? "");
    expect(new Set(await nodesThatHold(keys))).toEqual(new Set(names.slice(1)));
  });

  it("knows the hash of its node lists and of no other", () => {
    const [a = "", b = "", c = ""] = names;
    using invalidator = closing(
      new BulkInvalidator({ nodes: `${a},${b}`, previousNodes: `${a},${b},${c};${c}` }),
    );
    const hash = (list: string[]) => createTopology("ketama", parseNodeList(list)).hash;
    expect(invalidator.it.topologyHash).toBe(hash([b, a]));
    expect(invalidator.it.knowsTopology(hash([c]))).toBe(true);
    expect(invalidator.it.knowsTopology(hash([b]))).toBe(false);
  });

  async function store(
    keys: readonly CacheKey[],
    nodesOf: (key: CacheKey) => readonly string[],
  ): Promise<void> {
    for (const { node } of memcached) {
      using driver = closing(new MemjsDriver(node, { timeoutMs: 5_000 }));
      const own = keys.filter((key) => nodesOf(key).includes(node.name));
      await Promise.all(own.map((key) => driver.it.add(key, Buffer.from("x"), 60)));
    }
  }

  /** One entry for each key that a node still holds. */
  async function nodesThatHold(keys: readonly CacheKey[]): Promise<string[]> {
    const held: string[] = [];
    for (const { node } of memcached) {
      using driver = closing(new MemjsDriver(node, { timeoutMs: 5_000 }));
      const found = await driver.it.getMany(keys);
      held.push(...Array.from(found, () => node.name));
    }
    return held;
  }
});

function uniqueKeys(count: number): CacheKey[] {
  const run = randomUUID();
  return Array.from({ length: count }, (_, id) => renderKey(template, { run, id }));
}

/** "acknowledged" for each node that owns a key, in the order of the keys. */
function sorted(names: readonly string[], keys: readonly CacheKey[], ownerOf: (key: CacheKey) => string) {
  const owners = new Set(keys.map(ownerOf));
  return names.filter((name) => owners.has(name)).map((name) => [name, "acknowledged"] as const);
}

function closing<Closable extends { close(): void }>(it: Closable): Disposable & { it: Closable } {
  return {
    it,
    [Symbol.dispose]: () => {
      it.close();
    },
  };
}

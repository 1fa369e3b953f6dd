import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { BulkInvalidator, type FillOutcome, parseNodeList, ReadThroughCache } from "@freshet/cache";
import { type CacheKey, parseKeyTemplate, renderKey } from "@freshet/contracts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { Memcached } from "../cache/memcached.ts";
import { Primary, userProfile } from "../cache/primary.ts";
import { peek } from "../cache/raw.ts";
import { findPython } from "../../support/python.ts";
import { PythonReader } from "./python.ts";

// One key, read by the reader in TypeScript and by the one in examples/python-reader, played step by step.

const python = findPython("python-reader", "pymemcache");
const path = "path" in python ? python.path : "";
if ("missing" in python) console.log(`the Python reader is not tested here: ${python.missing}`);

let memcached: Memcached;
let invalidator: BulkInvalidator;
let cache: ReadThroughCache;
let fills: FillOutcome[];
let other: PythonReader;
let primary: Primary;
let id: string;
let key: CacheKey;

beforeAll(async () => {
  memcached = await Memcached.start();
  invalidator = new BulkInvalidator({ nodes: memcached.node.name }, { timeoutMs: 10_000 });
  if (path) other = await PythonReader.start(path, memcached.node);
});
beforeEach(() => {
  fills = [];
  cache = new ReadThroughCache({
    pools: { profiles: { nodes: memcached.node.name } },
    limits: { timeoutMs: 10_000 },
    on: (event) => {
      if (event.type === "fill") fills.push(event.outcome);
    },
  });
  primary = new Primary();
  id = randomUUID();
  key = renderKey(userProfile.key, { profileId: id });
  primary.commit(id);
});
afterEach(() => {
  cache.close();
});
afterAll(async () => {
  if (path) await other[Symbol.asyncDispose]();
  invalidator.close();
  await memcached[Symbol.asyncDispose]();
});

function read() {
  return cache.read(userProfile, { profileId: id }, primary.loader(id));
}

/** What the primary has now, as a loader in Python answers it. */
async function snapshot() {
  const row = await primary.row(id);
  return { value: row, versions: { [`profile:${id}`]: row?.version } };
}

/** Reads in Python from start to end. */
async function readInPython(min?: Readonly<Record<string, number>>) {
  const first = await other.tell({ do: "read", key, ...(min && { min }) });
  return first.loading ? other.tell(await snapshot()) : first;
}

async function commitAndInvalidate(): Promise<void> {
  primary.commit(id);
  expect([...(await invalidator.invalidate([key])).values()]).toEqual(["acknowledged"]);
}

describe.skipIf(!path)("a reader in Python and one in TypeScript", () => {
  it("read what the other one has filled", async () => {
    expect(await readInPython()).toMatchObject({ outcome: "stored", value: { version: 1 } });
    expect(await read()).toMatchObject({
      outcome: "hit",
      value: { version: 1 },
      versions: { [`profile:${id}`]: 1 },
    });
    await commitAndInvalidate();
    expect(await read()).toMatchObject({ outcome: "miss", value: { version: 2 } });
    expect(await readInPython()).toMatchObject({ outcome: "hit", value: { version: 2 } });
  });

  it("write the same bytes", async () => {
    await readInPython();
    const bytes = await peek(memcached.port, key);
    await cache.invalidate(userProfile, { profileId: id });
    await read();
    expect(await peek(memcached.port, key)).toBe(bytes);
  });

  it("see each other's invalidations", async () => {
    await read();
    primary.commit(id);
    expect(await other.tell({ do: "invalidate", key })).toEqual({ acknowledged: true });
    expect(await read()).toMatchObject({ outcome: "miss", value: { version: 2 } });
    primary.commit(id);
    expect(await cache.invalidate(userProfile, { profileId: id })).toBe(true);
    expect(await readInPython()).toMatchObject({ outcome: "stored", value: { version: 3 } });
  });

  it("can't put an old row back: Python's load began before the delete", async () => {
    expect(await other.tell({ do: "read", key })).toEqual({ loading: true });
    const old = await snapshot();
    await commitAndInvalidate();
    expect(await read()).toMatchObject({ outcome: "miss", value: { version: 2 } });
    expect(await other.tell(old)).toMatchObject({ outcome: "refused", value: { version: 1 } });
    expect(await read()).toMatchObject({ outcome: "hit", value: { version: 2 } });
  });

  it("can't put an old row back: TypeScript's load began before the delete", async () => {
    primary.hold();
    const slow = read();
    await expect.poll(() => primary.held).toBe(1);
    await commitAndInvalidate();
    expect(await other.tell({ do: "read", key })).toEqual({ loading: true });
    primary.release();
    expect(await other.tell(await snapshot())).toMatchObject({ outcome: "stored", value: { version: 2 } });
    expect(await slow).toMatchObject({ value: { version: 1 } });
    expect(fills).not.toContain("stored");
    expect(await read()).toMatchObject({ outcome: "hit", value: { version: 2 } });
  });

  it("respect each other's leases: a delete revokes both", async () => {
    primary.hold();
    const holder = read();
    await expect.poll(() => primary.held).toBe(1);
    expect(await other.tell({ do: "read", key })).toEqual({ loading: true });
    await commitAndInvalidate();
    primary.release();
    await holder;
    expect(await other.tell({ value: null, versions: { [`profile:${id}`]: 1 } })).toMatchObject({
      outcome: "refused",
    });
    expect(fills).toEqual(["invalidated"]);
    expect(await peek(memcached.port, key)).toBeUndefined();
  });

  it("load again for a caller that must see a newer version", async () => {
    await read();
    primary.commit(id);
    expect(await readInPython({ [`profile:${id}`]: 2 })).toMatchObject({
      outcome: "stored",
      value: { version: 2 },
    });
    expect(await read()).toMatchObject({ outcome: "hit", value: { version: 2 } });
  });

  it("do not fill over another connection than that of the capture", async () => {
    await using own = await Memcached.start();
    await using reader = await PythonReader.start(path, own.node);
    expect(await reader.tell({ do: "read", key })).toEqual({ loading: true });
    await own.restart();
    expect((await reader.tell(await snapshot())).outcome).toMatch(/unknown|not cached/);
    expect(await peek(own.port, key)).toBeUndefined();
  });

  it("agree on how a parameter stands in a key", async () => {
    const template = parseKeyTemplate("p:{param}");
    const values = ["42", "Zoë", "a b", "a:b", "~x", "", "x".repeat(65), "ü".repeat(32), "\u007f", "成员"];
    const { params } = await other.tell({ do: "params", values });
    expect(params).toEqual(values.map((param) => renderKey(template, { param }).slice("p:".length)));
  });

  it("agree on the node of a key with libmemcached's own answers", async () => {
    const file = new URL("../../../libs/cache/vectors/ketama.json", import.meta.url);
    const vectors = z
      .object({
        keyPatterns: z.array(z.string()),
        keysPerPattern: z.int(),
        lists: z.array(z.object({ nodes: z.string(), owners: z.string() })),
      })
      .parse(JSON.parse(readFileSync(file, "utf8")));
    const keys = vectors.keyPatterns.flatMap((pattern) =>
      Array.from({ length: vectors.keysPerPattern }, (_, at) => pattern.replace("%d", String(at))),
    );
    for (const { nodes, owners } of vectors.lists) {
      const list = parseNodeList(nodes).map(({ host, port, weight }) => [host, port, weight]);
      if (list.length > 10) continue; // an owner is one digit here
      expect((await other.tell({ do: "owners", nodes: list, keys })).owners).toBe(owners);
    }
  });
});

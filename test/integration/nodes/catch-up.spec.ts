import { BulkInvalidator, RateLimit } from "@freshet/cache";
import { parseManifest, parsePools } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { RecordReader } from "@freshet/kafka";
import { beforeEach, expect, test } from "vitest";
import { CatchUp, NodeFailed, type ReplayedSlice } from "../../../apps/invalidator/src/nodes/catch-up.ts";
import { LiveFirst } from "../../../apps/invalidator/src/nodes/live-first.ts";
import { MissedOffsets, type PartitionId } from "../../../apps/invalidator/src/nodes/missed-offsets.ts";
import type { ServerProcess } from "../../../scripts/local/server-process.mjs";
import { inspectNode, writeKey } from "../../support/memcached-inspector.ts";
import { ownMemcachedNode } from "../../support/own-servers.ts";
import { freshTopic } from "../../support/topics.ts";
import { hourMs, publish, testKafka, withAdmin } from "../kafka/support.ts";

const never = new AbortController().signal;
const items = 600;

/** One partition with an event per item, two nodes that hold every item's key, and a pool that deletes them. */
class World {
  readonly missed = new MissedOffsets();
  readonly slices: ReplayedSlice[] = [];
  readonly recommitted: PartitionId[] = [];
  readonly topic: string;
  readonly nodes: readonly [ServerProcess, ServerProcess];
  readonly bulk: BulkInvalidator;
  /** What the partition's consumer has taken. */
  taken = BigInt(items);
  onSlice: () => void = () => undefined;
  ceiling = new RateLimit(undefined);
  unpaused: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  private constructor(topic: string, nodes: readonly [ServerProcess, ServerProcess]) {
    this.topic = topic;
    this.nodes = nodes;
    this.bulk = new BulkInvalidator({ nodes: nodes.map(({ address }) => address) });
  }

  static async create(): Promise<World> {
    const [topic, ...nodes] = await Promise.all([
      freshTopic({ numPartitions: 1 }),
      ownMemcachedNode(),
      ownMemcachedNode(),
    ]);
    const world = new World(topic, nodes);
    await publish(topic, itemEvents(0, items));
    await world.fill(keysOf(0, items));
    return world;
  }

  get id(): PartitionId {
    return `${this.topic}/0`;
  }

  /** The first node: the one that was away. */
  get node(): string {
    return this.nodes[0].address;
  }

  catchUp({ dedicated = false, mostEvents = 10_000, sliceKeys = 10_000 } = {}): CatchUp {
    const manifest = parseManifest(
      {
        freshet: 1,
        service: "items",
        publishes: {
          ItemChanged: {
            entity: "item",
            topic: "item.events.v1",
            fields: ["tags"],
            routing: { tags: ["string"] },
          },
        },
        views: {
          item: {
            key: "item:{id}",
            pool: "p",
            dependsOn: [{ event: "ItemChanged", params: { id: "subject" } }],
          },
          renewed: {
            key: "renewed:{id}",
            pool: "p",
            dependsOn: [{ event: "ItemChanged", params: { id: "subject" } }],
            onChange: { refresh: "/renewed" },
          },
          tagged: {
            key: "tagged:{tag}",
            pool: "p",
            dependsOn: [{ event: "ItemChanged", params: { tag: "tags[]" } }],
          },
        },
      },
      "items.yaml",
    );
    const pools = parsePools({ freshet: 1, pools: { p: { nodes: [...this.bulk.nodes] } } }, "pools.yaml");
    const graph = compile([{ file: "items.yaml", manifest }], pools).pool("p");
    return new CatchUp({
      nodes: this.bulk,
      missed: this.missed,
      live: new LiveFirst(),
      ceiling: this.ceiling,
      unpaused: (signal) => this.unpaused(signal),
      dedicated,
      mostEvents,
      sliceKeys,
      graph: () => graph,
      longestHardTtlMs: () => hourMs,
      partitions: () => [
        {
          topic: this.topic,
          partition: 0,
          phase: "reading",
          done: 0n,
          position: this.taken,
          high: this.taken,
          offsetLag: 0n,
          timeLagSeconds: 0,
          failures: 0,
          recreationCheck: true,
        },
      ],
      createReader: () => new RecordReader(testKafka()),
      recommit: (partition) => this.recommitted.push(partition),
      onSlice: (slice) => {
        this.slices.push(slice);
        this.onSlice();
      },
    });
  }

  /** Every key on its owner. */
  async fill(keys: readonly string[]): Promise<void> {
    for (const [node, owned] of this.bulk.byOwner(keys as readonly never[]))
      await Promise.all(owned.map((key) => writeKey(node, key, "old")));
  }

  /** Of these keys, those that the first node owns. */
  owned(keys: readonly string[]): string[] {
    return [...(this.bulk.byOwner(keys as readonly never[]).get(this.node) ?? [])].sort();
  }

  async held(node = this.node): Promise<string[]> {
    return [...(await inspectNode(node)).keys()].sort();
  }
}

/** Of each item a key that is deleted, and one that live events renew. */
function keysOf(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => [
    `item:${from + index}`,
    `renewed:${from + index}`,
  ]).flat();
}

function itemEvents(from: number, to: number, tags: readonly string[] = []): string[] {
  return Array.from({ length: to - from }, (_, index) => {
    const data = {
      version: 2,
      change: "updated",
      changedFields: ["tags"],
      before: { tags },
      after: { tags },
    };
    const id = `e-${from + index}`;
    return JSON.stringify({
      specversion: "1.0",
      id,
      source: "s",
      type: "ItemChanged",
      subject: String(from + index),
      data,
    });
  });
}

let world: World;

beforeEach(async () => {
  world = await World.create();
  return () => {
    world.bulk.close();
  };
});

test("what a node has missed is deleted on it, and no key besides, on it or elsewhere", async () => {
  world.missed.mark(world.id, world.node, 100n);
  world.taken = 550n;
  const other = await world.held(world.nodes[1].address);
  const result = await world.catchUp().run(world.node, never);
  expect(result).toEqual({ how: "replayed", events: 450, lost: [] });
  expect(await world.held()).toEqual(world.owned([...keysOf(0, 100), ...keysOf(550, items)]));
  expect(await world.held(world.nodes[1].address)).toEqual(other);
  expect(world.missed.of(world.id)).toEqual({});
  expect(world.slices.reduce((sum, { events }) => sum + events, 0)).toBe(450);
  expect(world.recommitted.length).toBeGreaterThan(world.slices.length);
});

test("a replay that is given up keeps what was acknowledged, and the next one goes on there", async () => {
  world.missed.mark(world.id, world.node, 0n);
  const given = new AbortController();
  world.onSlice = () => {
    if (world.slices.length === 2) given.abort();
  };
  await expect(world.catchUp().run(world.node, given.signal)).rejects.toThrow();
  const reached = world.missed.of(world.id)[world.node] ?? 0n;
  expect(Number(reached)).toBe(world.slices.reduce((sum, { events }) => sum + events, 0));
  expect(Number(reached)).toBeLessThan(items);
  expect(await world.held()).toEqual(world.owned(keysOf(Number(reached), items)));

  world.slices.length = 0;
  expect(await world.catchUp().run(world.node, never)).toMatchObject({ events: items - Number(reached) });
  expect(await world.held()).toEqual([]);
  expect(world.slices.reduce((sum, { events }) => sum + events, 0)).toBe(items - Number(reached));
});

test("a node that fails during its replay owes what it has not acknowledged", async () => {
  world.missed.mark(world.id, world.node, 0n);
  world.onSlice = () => {
    world.nodes[0].pause();
  };
  await expect(world.catchUp().run(world.node, never)).rejects.toThrow(NodeFailed);
  world.nodes[0].resume();
  const reached = Number(world.missed.of(world.id)[world.node]);
  expect(reached).toBe(world.slices[0]?.events);
});

test("a replay keeps the pool's ceiling, and waits while the pool is paused", async () => {
  world.missed.mark(world.id, world.node, 0n);
  const waitedMs: number[] = [];
  world.ceiling = new RateLimit(500, (waitMs) => waitedMs.push(waitMs));
  const given = new AbortController();
  let asked = 0;
  world.unpaused = async (signal) => {
    if ((asked += 1) === 2) {
      given.abort();
      signal.throwIfAborted();
    }
    await Promise.resolve();
  };
  await expect(world.catchUp().run(world.node, given.signal)).rejects.toThrow();
  expect(world.slices).toHaveLength(1);
  const deleted = world.slices[0]?.keys ?? 0;
  expect(deleted).toBeGreaterThan(100); // above what passes at once
  expect(waitedMs.length).toBeGreaterThan(0);
  expect(world.owned(keysOf(0, items))).toHaveLength((await world.held()).length + deleted);
});

test("a partition that moves during its replay is not settled here", async () => {
  world.missed.mark(world.id, world.node, 0n);
  world.onSlice = () => {
    world.missed.restore(world.id, { [world.node]: 0n }, [world.node]);
  };
  await world.catchUp().run(world.node, never);
  expect(world.slices).toHaveLength(1);
  expect(world.missed.of(world.id)).toEqual({ [world.node]: 0n });
});

test("records that are gone: a dedicated node is flushed, another one keeps its mark, and nothing of it is taken for done", async () => {
  await withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(world.topic);
    await admin.deleteTopicRecords({ topic: world.topic, partitions: [{ partition: 0, offset: "10" }] });
  });
  world.missed.mark(world.id, world.node, 5n);
  expect(await world.catchUp().run(world.node, never)).toEqual({
    how: "replayed",
    events: 0,
    lost: [world.id],
  });
  expect(world.missed.of(world.id)).toEqual({ [world.node]: 5n });
  expect(await world.catchUp({ dedicated: true }).run(world.node, never)).toEqual({ how: "flushed" });
  expect(await world.held()).toEqual([]);
  expect(world.missed.of(world.id)).toEqual({});
  expect(world.recommitted).toEqual([world.id]);
});

test("a dedicated node that has missed more events than are replayed is flushed", async () => {
  world.missed.mark(world.id, world.node, 0n);
  const result = await world.catchUp({ dedicated: true, mostEvents: items - 1 }).run(world.node, never);
  expect(result).toEqual({ how: "flushed" });
  expect(await world.held()).toEqual([]);
});

test("an event that expands to more keys than are planned at once is replayed as a whole", async () => {
  const tags = Array.from({ length: 95 }, (_, index) => `t${index}`);
  await publish(world.topic, itemEvents(items, items + 1, tags));
  const keys = tags.map((tag) => `tagged:${tag}`);
  await world.fill(keys);
  world.missed.mark(world.id, world.node, BigInt(items - 2));
  world.taken = BigInt(items + 1);
  await world.catchUp({ sliceKeys: 10 }).run(world.node, never);
  expect(await world.held()).toEqual(world.owned(keysOf(0, items - 2)));
});

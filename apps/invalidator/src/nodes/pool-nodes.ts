import { setTimeout as delay } from "node:timers/promises";
import {
  type CacheNode,
  createTopology,
  type MemcachedDriver,
  MetaDriver,
  parseNodeList,
  parseNodeLists,
  type Topology,
} from "@freshet/cache";
import type { CacheKey, Pool } from "@freshet/contracts";
import type { WatchedNodes } from "./node-watch.ts";

/** How long a node may take for one chunk of deletes, in ms; after two such times it is put away. */
const deleteTimeoutMs = 500;
/** Between two nodes of a pool that is flushed as a whole, in ms: the databases behind it refill one node's keys at a time. */
const flushPauseMs = 2_000;

/**
 * The memcached nodes of one pool under its current and its previous node lists. Deletes go through the meta
 * protocol: most invalidations hit nothing, and there a miss costs memcached a fifth (docs/decisions).
 */
export class PoolNodes implements WatchedNodes {
  /** Every node of every list. */
  readonly names: readonly string[];
  readonly #topologies: readonly [Topology, ...Topology[]];
  readonly #drivers: ReadonlyMap<string, MemcachedDriver>;

  /** @throws FreshetError CACHE_NODES_INVALID; the environment's lists win over pools.yaml's */
  constructor(
    pool: Pick<Pool, "nodes" | "previousNodes" | "nodeOf">,
    environment: { nodes?: string; previousNodes?: string },
  ) {
    const previous =
      environment.previousNodes === undefined
        ? pool.previousNodes.map(parseNodeList)
        : parseNodeLists(environment.previousNodes);
    this.#topologies = [
      createTopology(pool.nodeOf, parseNodeList(environment.nodes ?? pool.nodes)),
      ...previous.map((nodes) => createTopology(pool.nodeOf, nodes)),
    ];
    const nodes = new Map<string, CacheNode>(
      this.#topologies.flatMap((topology) => topology.nodes.map((node) => [node.name, node] as const)),
    );
    this.names = [...nodes.keys()];
    this.#drivers = new Map(
      [...nodes].map(([name, node]) => [name, new MetaDriver(node, { timeoutMs: deleteTimeoutMs })]),
    );
  }

  /** Hash of the current node list, for commit metadata. */
  get topologyHash(): string {
    return this.#topologies[0].hash;
  }

  /** Whether a commit was made under one of these node lists. */
  knowsTopology(hash: string): boolean {
    return this.#topologies.some((topology) => topology.hash === hash);
  }

  /** The keys by the node that owns them, under the current and under every previous list. */
  byOwner(keys: readonly CacheKey[]): ReadonlyMap<string, readonly CacheKey[]> {
    const owned = new Map<string, CacheKey[]>();
    for (const key of keys) {
      const owners = new Set(this.#topologies.map(({ ownerOf }) => ownerOf(key).name));
      for (const owner of owners) {
        const list = owned.get(owner);
        if (list === undefined) owned.set(owner, [key]);
        else list.push(key);
      }
    }
    return owned;
  }

  /** Resolves when the node has acknowledged every delete; rejects with the driver's FreshetError. */
  deleteMany(node: string, keys: readonly CacheKey[]): Promise<void> {
    return this.#driver(node).deleteMany(keys);
  }

  async probe(node: string): Promise<void> {
    await this.#driver(node).version();
  }

  flush(node: string): Promise<void> {
    return this.#driver(node).flushAll();
  }

  /** Flushes every node, one after the other with a pause; rejects when one does not answer. */
  async flushAll(onFlushed: (node: string) => void): Promise<void> {
    for (const [index, node] of this.names.entries()) {
      if (index > 0) await delay(flushPauseMs);
      await this.flush(node);
      onFlushed(node);
    }
  }

  close(): void {
    for (const driver of this.#drivers.values()) driver.close();
  }

  #driver(node: string): MemcachedDriver {
    const driver = this.#drivers.get(node);
    if (driver === undefined) throw new Error(`no node list of this pool names ${node}`);
    return driver;
  }
}

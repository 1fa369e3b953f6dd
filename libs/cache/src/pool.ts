import { type CacheKey, FreshetError } from "@freshet/contracts";
import type { CreateDriver, DriverOptions, MemcachedDriver } from "./drivers/driver.ts";
import { parseNodeList, parseNodeLists } from "./topology/node-list.ts";
import { createTopology, type NodeOf, type Topology } from "./topology/topology.ts";

/** The node lists of one pool, as the environment or pools.yaml has them. */
export interface PoolNodeLists {
  readonly nodes: string | readonly string[];
  /** Lists under which values may still live: `;`-separated, or a list of lists. */
  readonly previousNodes?: string | readonly (readonly string[])[];
  /** Default ketama. */
  readonly nodeOf?: NodeOf;
}

/**
 * What the lists mean: the one that readers ask by, then those under which values may still live.
 * @throws FreshetError CACHE_NODES_INVALID
 */
export function topologiesOf(lists: PoolNodeLists): readonly [current: Topology, ...previous: Topology[]] {
  const { nodes, previousNodes = [], nodeOf = "ketama" } = lists;
  const previous =
    typeof previousNodes === "string" ? parseNodeLists(previousNodes) : previousNodes.map(parseNodeList);
  return [
    createTopology(nodeOf, parseNodeList(nodes)),
    ...previous.map((list) => createTopology(nodeOf, list)),
  ];
}

/** The nodes of one pool, one connection each, and who owns which key. */
export class CachePool {
  /** `host:port` of every node of every list. */
  readonly nodes: readonly string[];
  readonly #current: Topology;
  readonly #previous: readonly Topology[];
  readonly #drivers: ReadonlyMap<string, MemcachedDriver>;

  /** @throws FreshetError CACHE_NODES_INVALID */
  constructor(lists: PoolNodeLists, createDriver: CreateDriver, limits: DriverOptions = {}) {
    [this.#current, ...this.#previous] = topologiesOf(lists);
    const everyNode = [this.#current, ...this.#previous].flatMap((topology) => topology.nodes);
    const distinct = new Map(everyNode.map((node) => [node.name, node]));
    this.nodes = [...distinct.keys()];
    this.#drivers = new Map([...distinct].map(([name, node]) => [name, createDriver(node, limits)]));
  }

  /** Hash of the current node list: `topo` of the commit metadata. */
  get topologyHash(): string {
    return this.#current.hash;
  }

  /** Hashes of the lists under which values may still live. */
  get previousTopologyHashes(): readonly string[] {
    return this.#previous.map(({ hash }) => hash);
  }

  /** Whether a commit was made under one of these node lists. */
  knowsTopology(hash: string): boolean {
    return [this.#current, ...this.#previous].some((topology) => topology.hash === hash);
  }

  /** The node that a reader asks. */
  readerNodeOf(key: string): string {
    return this.#current.ownerOf(key).name;
  }

  /** The nodes that a delete must reach: the owner under the current and under every previous list. */
  ownersOf(key: string): readonly string[] {
    const owner = this.readerNodeOf(key);
    if (this.#previous.length === 0) return [owner];
    return [...new Set([owner, ...this.#previous.map(({ ownerOf }) => ownerOf(key).name)])];
  }

  /** Keys by the nodes that a delete must reach. */
  byOwner(keys: Iterable<CacheKey>): Map<string, CacheKey[]> {
    const owned = new Map(this.nodes.map((node): [string, CacheKey[]] => [node, []]));
    const { nodes, placeOf } = this.#current;
    const lists = nodes.map(({ name }) => owned.get(name) ?? []);
    const isOnly = this.#previous.length === 0;
    for (const key of keys)
      if (isOnly) lists[placeOf(key)]?.push(key);
      else for (const owner of this.ownersOf(key)) owned.get(owner)?.push(key);
    for (const [node, list] of owned) if (list.length === 0) owned.delete(node);
    return owned;
  }

  /** @throws FreshetError CACHE_NODES_INVALID for a node of no list */
  driver(node: string): MemcachedDriver {
    const driver = this.#drivers.get(node);
    if (!driver) throw new FreshetError("CACHE_NODES_INVALID", `no node list of this pool names ${node}`);
    return driver;
  }

  /** Gives up the connections. */
  close(): void {
    for (const driver of this.#drivers.values()) driver.close();
  }
}

import { createHash } from "node:crypto";
import { ketama } from "./ketama.ts";
import { modulo } from "./modulo.ts";
import type { CacheNode } from "./node-list.ts";

/** How a pool's keys are spread over its nodes. Every reader, writer and invalidator must use the same. */
export type NodeOf = "ketama" | "modulo";

/** One node list with its rule. */
export interface Topology {
  readonly nodes: readonly CacheNode[];
  /** First 8 hex digits of SHA-256 of `nodeOf|host:port:weight,…`: `topo` of the commit metadata. */
  readonly hash: string;
  /** The node that owns a key; by the key's bytes (ketama). */
  readonly ownerOf: (key: string) => CacheNode;
  /** The same as its place in `nodes`. */
  readonly placeOf: (key: string) => number;
}

/**
 * The topology of a list of nodes: which of them owns a key.
 * @throws FreshetError CACHE_NODES_INVALID for weights under modulo
 */
export function createTopology(nodeOf: NodeOf, nodes: readonly CacheNode[]): Topology {
  const placeOf = { ketama, modulo }[nodeOf](nodes);
  const ownerOf = (key: string): CacheNode => {
    const owner = nodes[placeOf(key)];
    if (!owner) throw new RangeError("a pool without nodes has no owners");
    return owner;
  };
  return { nodes, hash: topologyHash(nodeOf, nodes), ownerOf, placeOf };
}

/** The order of a ketama list has no meaning; that of a modulo list decides who owns what. */
function topologyHash(nodeOf: NodeOf, nodes: readonly CacheNode[]): string {
  const entries = nodes.map(({ name, weight }) => `${name}:${weight}`);
  const list = (nodeOf === "ketama" ? entries.sort() : entries).join(",");
  return createHash("sha256").update(`${nodeOf}|${list}`).digest("hex").slice(0, 8);
}

import { FreshetError } from "@freshet/contracts";
import type { CacheNode } from "./node-list.ts";

/**
 * The owner of a key, as its place in the list, as memjs has it: a hash of its UTF-16 units modulo the number of
 * nodes. Adding a node moves almost every key; no other client knows it.
 * @throws FreshetError CACHE_NODES_INVALID for weights, which it does not know
 */
export function modulo(nodes: readonly CacheNode[]): (key: string) => number {
  const weighted = nodes.find(({ weight }) => weight !== 1);
  if (weighted)
    throw new FreshetError("CACHE_NODES_INVALID", `${weighted.name}: nodeOf modulo knows no weights`);
  return (key) => hashCode(key) % nodes.length;
}

/** `hashCode` of memjs/lib/memjs/utils.js. */
function hashCode(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (31 * hash + text.charCodeAt(index)) | 0;
  return Math.abs(hash);
}

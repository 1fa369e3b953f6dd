import { setTimeout as delay } from "node:timers/promises";
import {
  BulkInvalidator,
  CachePool,
  type CreateDriver,
  MemjsDriver,
  MetaDriver,
  type PoolNodeLists,
} from "@freshet/cache";
import type { Pool } from "@freshet/contracts";

/** How long a node may take for one chunk of deletes or one command of a refresh, in ms. */
const timeoutMs = 500;
/** Between two nodes of a pool that is flushed as a whole, in ms, so that the databases refill one node's keys at a time. */
const flushPauseMs = 2_000;

const drivers: Record<"meta" | "binary", CreateDriver> = {
  meta: (node, options) => new MetaDriver(node, options),
  binary: (node, options) => new MemjsDriver(node, options),
};

/**
 * The memcached nodes of a pool, once for deletes and once for refreshes; the environment's lists win over those of pools.yaml.
 * @throws FreshetError CACHE_NODES_INVALID
 */
export function createPoolNodes(
  pool: Pick<Pool, "nodes" | "previousNodes" | "nodeOf">,
  environment: { nodes?: string; previousNodes?: string },
  protocol: keyof typeof drivers,
): { nodes: BulkInvalidator; refreshed: CachePool } {
  const lists: PoolNodeLists = {
    nodes: environment.nodes ?? pool.nodes,
    previousNodes: environment.previousNodes ?? pool.previousNodes,
    nodeOf: pool.nodeOf,
  };
  const createDriver = drivers[protocol];
  return {
    nodes: new BulkInvalidator(lists, { timeoutMs, createDriver }),
    // Connections of their own: a get does not wait behind thousands of deletes.
    refreshed: new CachePool(lists, createDriver, { timeoutMs }),
  };
}

/** Flushes every node of a pool, one after the other with a pause; rejects when one does not answer. */
export async function flushPool(nodes: BulkInvalidator, onFlushed: (node: string) => void): Promise<void> {
  for (const [index, node] of nodes.nodes.entries()) {
    if (index > 0) await delay(flushPauseMs);
    await nodes.flush(node);
    onFlushed(node);
  }
}

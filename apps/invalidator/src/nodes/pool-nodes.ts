import { setTimeout as delay } from "node:timers/promises";
import { BulkInvalidator } from "@freshet/cache";
import type { Pool } from "@freshet/contracts";

/** How long a node may take for one chunk of deletes, in ms; after two such times it is put away. */
const deleteTimeoutMs = 500;
/** Between two nodes of a pool that is flushed as a whole, in ms, so that the databases refill one node's keys at a time. */
const flushPauseMs = 2_000;

/**
 * The memcached nodes of a pool; the environment's lists win over those of pools.yaml.
 * @throws FreshetError CACHE_NODES_INVALID
 */
export function createPoolNodes(
  pool: Pick<Pool, "nodes" | "previousNodes" | "nodeOf">,
  environment: { nodes?: string; previousNodes?: string },
): BulkInvalidator {
  return new BulkInvalidator(
    {
      nodes: environment.nodes ?? pool.nodes,
      previousNodes: environment.previousNodes ?? pool.previousNodes,
      nodeOf: pool.nodeOf,
    },
    { timeoutMs: deleteTimeoutMs },
  );
}

/** Flushes every node of a pool, one after the other with a pause; rejects when one does not answer. */
export async function flushPool(nodes: BulkInvalidator, onFlushed: (node: string) => void): Promise<void> {
  for (const [index, node] of nodes.nodes.entries()) {
    if (index > 0) await delay(flushPauseMs);
    await nodes.flush(node);
    onFlushed(node);
  }
}

import type { CacheKey } from "@freshet/contracts";
import type { Invalidation } from "./message.ts";
import type { RecentBatch } from "./recent.ts";

/** How many keys of one event are shown. */
const keysPerEvent = 5;

/** What a batch did, key by key: its last events, and a few keys of each. `nodesOf` answers the nodes that own a key. */
export function invalidationsOf(
  pool: string,
  batch: RecentBatch,
  nodesOf: (key: CacheKey) => Iterable<string>,
): readonly Invalidation[] {
  const { execution, goneAtMs, graph } = batch;
  return batch.shown.flatMap((event) => {
    const plan = graph.plan(event);
    const planned = plan.kind === "keys" ? plan.keys.slice(0, keysPerEvent) : [];
    const goneMs = event.time === undefined ? null : Math.max(0, goneAtMs - Date.parse(event.time));
    return planned.flatMap(({ key, action }) =>
      [...nodesOf(key)].map((node): Invalidation => {
        const refreshed = action === "refresh" && (execution.refreshed.get(node) ?? 0) > 0;
        return {
          atMs: goneAtMs,
          pool,
          key,
          node,
          action: execution.missed.has(node) ? "owed" : refreshed ? "refresh" : "delete",
          event: event.type,
          subject: event.subject,
          version: event.data.version,
          goneMs,
        };
      }),
    );
  });
}

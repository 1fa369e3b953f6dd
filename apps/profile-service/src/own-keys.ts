import { BulkInvalidator, type CachePool } from "@freshet/cache";
import { type ChangeEvent, type Manifest, parsePools } from "@freshet/contracts";
import { compile, type PoolGraph } from "@freshet/dependency-graph";
import { type Logger } from "@freshet/observability";

/**
 * The writer's own delete: what the bus is going to delete for this event, worked out from the same views. Best
 * effort, so that the caller's next read is new; the bus deletes the keys whatever becomes of this.
 */
export class OwnKeys {
  readonly #graph: PoolGraph;
  readonly #invalidator: BulkInvalidator;
  readonly #logger: Logger;

  constructor(manifest: Manifest, pool: CachePool, logger: Logger) {
    const pools = parsePools(
      { freshet: 1, pools: { profiles: { nodes: pool.nodes } } },
      "MEMCACHED_PROFILES",
    );
    this.#graph = compile([{ file: "views.ts", manifest }], pools).pool("profiles");
    this.#invalidator = new BulkInvalidator(pool);
    this.#logger = logger;
  }

  /** Ends when every node has answered or its deadline is over. Never rejects. */
  async delete(event: ChangeEvent): Promise<void> {
    const plan = this.#graph.plan(event);
    if (plan.kind !== "keys") return; // nothing here depends on it, or too much for one request to wait for
    const keys = plan.keys.filter(({ action }) => action === "delete").map(({ key }) => key);
    for (const [node, answer] of await this.#invalidator.invalidate(keys))
      if (answer !== "acknowledged")
        this.#logger.warn(
          { node, code: answer.code, entity: event.subject },
          "own keys not deleted on this node; the bus will",
        );
  }
}

import { BulkInvalidator, type PoolNodeLists } from "@freshet/cache";
import { type ChangeEvent, type Manifest, parsePools } from "@freshet/contracts";
import { compile, type PoolGraph } from "@freshet/dependency-graph";
import { type Logger } from "@freshet/observability";

interface Options {
  /** What a node may take for its deletes, in milliseconds. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/**
 * The writer's own delete: what the bus is going to delete for this event, worked out from the same views. Best
 * effort, so that the caller's next read is new; the bus deletes the keys whatever becomes of this.
 */
export class OwnKeys {
  readonly #pools: readonly { readonly graph: PoolGraph; readonly nodes: BulkInvalidator }[];
  readonly #logger: Logger;

  constructor(
    manifest: Manifest,
    pools: Readonly<Record<string, PoolNodeLists>>,
    { timeoutMs, logger }: Options,
  ) {
    const nodes = new Map(
      Object.entries(pools).map(([name, lists]) => [name, new BulkInvalidator(lists, { timeoutMs })]),
    );
    const settings = Object.fromEntries([...nodes].map(([name, of]) => [name, { nodes: of.nodes }]));
    const graph = compile(
      [{ file: "views.ts", manifest }],
      parsePools({ freshet: 1, pools: settings }, "MEMCACHED_<POOL>"),
    );
    this.#pools = [...nodes].map(([name, of]) => ({ graph: graph.pool(name), nodes: of }));
    this.#logger = logger;
  }

  /** Ends when every node of every pool has answered or its deadline is over. Never rejects. */
  async delete(event: ChangeEvent): Promise<void> {
    await Promise.all(
      this.#pools.map(async ({ graph, nodes }) => {
        const plan = graph.plan(event);
        if (plan.kind !== "keys") return; // nothing here depends on it, or too much for one request to wait for
        const keys = plan.keys.filter(({ action }) => action === "delete").map(({ key }) => key);
        for (const [node, answer] of await nodes.invalidate(keys))
          if (answer !== "acknowledged")
            this.#logger.warn(
              { node, code: answer.code, entity: event.subject },
              "own keys not deleted on this node; the bus will",
            );
      }),
    );
  }

  /** Gives up the connections. */
  close(): void {
    for (const { nodes } of this.#pools) nodes.close();
  }
}

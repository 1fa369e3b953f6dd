import { BulkInvalidator, type NodeAnswer, RateLimit } from "@freshet/cache";
import type { Environment } from "@freshet/config";
import { poolNodes } from "@freshet/config";
import { FreshetError, type Pools } from "@freshet/contracts";
import type { ChangeEvent } from "@freshet/contracts";
import type { DependencyGraph, PlannedKey } from "@freshet/dependency-graph";

const timeoutMs = 2_000;
/** A node that restarts is back within seconds. */
const tries = 5;
const sliceKeys = 10_000;

/** Keys of one view in one pool. */
export interface ViewCount {
  readonly pool: string;
  readonly view: string;
  readonly keys: number;
}

interface DeleterOptions {
  readonly graph: DependencyGraph;
  readonly pools: Pools;
  readonly environment: Environment;
  /** undefined: all of them. */
  readonly pool: string | undefined;
  readonly keysPerSecond: number;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

interface OnePool {
  readonly name: string;
  readonly nodes: BulkInvalidator;
  readonly rate: RateLimit;
}

/**
 * Deletes what events say in the pools of the manifests, from outside of every invalidator: at a bounded rate, never
 * a refresh, in no consumer group. Deletes are idempotent, so that it may run beside live traffic.
 */
export class Deleter {
  readonly #graph: DependencyGraph;
  readonly #pools: readonly OnePool[];
  readonly #dryRun: boolean;
  readonly #signal: AbortSignal;
  readonly #counts = new Map<string, { pool: string; view: string; keys: number }>();

  /** @throws FreshetError POOL_UNKNOWN, CACHE_NODES_INVALID */
  constructor(options: DeleterOptions) {
    const { graph, pools, environment, pool, keysPerSecond } = options;
    const names = pool === undefined ? graph.pools : graph.pools.filter((name) => name === pool);
    if (names.length === 0)
      throw new FreshetError(
        "POOL_UNKNOWN",
        `no view lives in a pool ${pool}; there are ${graph.pools.join(", ")}`,
      );
    const listed = poolNodes(environment);
    this.#graph = graph;
    this.#dryRun = options.dryRun;
    this.#signal = options.signal;
    this.#pools = names.flatMap((name) => {
      const settings = pools[name];
      if (settings === undefined) return [];
      const { nodes = settings.nodes, previousNodes = settings.previousNodes, ...more } = listed(name);
      const ceiling = more.maxDeletesPerSecond ?? settings.maxDeletesPerSecond ?? keysPerSecond;
      const lists = { nodes, previousNodes, nodeOf: settings.nodeOf };
      return [
        {
          name,
          nodes: new BulkInvalidator(lists, { timeoutMs }),
          rate: new RateLimit(Math.min(ceiling, keysPerSecond)),
        },
      ];
    });
  }

  get poolNames(): readonly string[] {
    return this.#pools.map(({ name }) => name);
  }

  /** The topics whose events touch these pools. */
  get topics(): readonly string[] {
    return [...new Set(this.#pools.flatMap(({ name }) => this.#graph.pool(name).topics))].sort();
  }

  /** What was deleted, or would be; a key that several batches delete counts in each. */
  get counts(): readonly ViewCount[] {
    return [...this.#counts.values()].sort(
      (a, b) => a.pool.localeCompare(b.pool) || a.view.localeCompare(b.view),
    );
  }

  /**
   * Deletes what these events say, each key once. `entityIds` are those of records of this topic that are no events:
   * the keys that follow from an id alone. Answers how many events touch nothing or could not be planned.
   * @throws FreshetError of a node that does not acknowledge
   */
  async delete(
    topic: string,
    events: readonly ChangeEvent[],
    entityIds: readonly string[],
  ): Promise<{ readonly unplanned: number }> {
    let unplanned = 0;
    for (const pool of this.#pools) {
      const graph = this.#graph.pool(pool.name);
      const keys = new Map<string, PlannedKey>();
      const add = (planned: readonly PlannedKey[]) => {
        for (const one of planned) keys.set(one.key, one);
      };
      for (const event of events) {
        const plan = graph.plan(event, sliceKeys);
        if (plan.kind === "keys") add(plan.keys);
        else if (plan.kind === "undecodable") {
          unplanned += 1;
          add(graph.subjectKeys(topic, event.subject));
        } else if (plan.kind === "slices")
          for (let slice = 0; slice < plan.slices; slice += 1)
            await this.#deleteKeys(pool, plan.slice(slice));
      }
      for (const id of entityIds) add(graph.subjectKeys(topic, id));
      await this.#deleteKeys(pool, [...keys.values()]);
    }
    return { unplanned };
  }

  close(): void {
    for (const { nodes } of this.#pools) nodes.close();
  }

  async #deleteKeys({ name, nodes, rate }: OnePool, planned: readonly PlannedKey[]): Promise<void> {
    if (this.#dryRun) this.#count(name, planned);
    else
      for await (const portion of rate.portions(planned, this.#signal)) {
        await this.#acknowledged(
          nodes,
          portion.map(({ key }) => key),
        );
        this.#count(name, portion);
      }
  }

  async #acknowledged(nodes: BulkInvalidator, keys: readonly PlannedKey["key"][]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const answers: [string, NodeAnswer][] = [...(await nodes.invalidate(keys))];
      const failed = answers.find(([, answer]) => answer !== "acknowledged");
      if (failed === undefined) return;
      const [node, error] = failed;
      this.#signal.throwIfAborted();
      if (error instanceof FreshetError && attempt === tries)
        throw new FreshetError(
          error.code,
          `${node}: ${error.message}; what was deleted stays deleted, run the same command again`,
          { cause: error },
        );
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }

  #count(pool: string, planned: readonly PlannedKey[]): void {
    for (const { view } of planned) {
      const name = `${pool} ${view}`;
      const count = this.#counts.get(name) ?? { pool, view, keys: 0 };
      this.#counts.set(name, count);
      count.keys += 1;
    }
  }
}

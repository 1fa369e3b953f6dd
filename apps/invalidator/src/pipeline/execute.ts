import { channel } from "node:diagnostics_channel";
import type { BulkInvalidator } from "@freshet/cache";
import type { CacheKey } from "@freshet/contracts";
import { maxKeysAtOnce } from "@freshet/dependency-graph";
import type { DeadLetters } from "@freshet/kafka";
import { type MissedOffsets, partitionId } from "../nodes/missed-offsets.ts";
import type { NodeWatch } from "../nodes/node-watch.ts";
import type { BatchPlan } from "./plan.ts";

/** Where the batch stands: a node that misses something owes everything from `firstOffset` on. */
export interface BatchStart {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: bigint;
  /** 1 for the first try. */
  readonly attempt: number;
}

/** Keys per node: acknowledged, or missed and marked. */
export interface Execution {
  readonly acknowledged: ReadonlyMap<string, number>;
  readonly missed: ReadonlyMap<string, number>;
}

const executing = channel("freshet:invalidate.executing");
const executed = channel("freshet:invalidate.executed");

/**
 * Step 4 of the invalidation path: plan → memcached. Nodes work side by side, each with one pipelined write. A
 * node that does not acknowledge in two tries is put away: the pool goes on for the others, and the batch's first
 * offset is marked for it. Rejects only when a dead letter can't be parked: then nothing of the batch is committed.
 */
export class PlanExecutor {
  readonly #nodes: BulkInvalidator;
  readonly #watch: NodeWatch;
  readonly #missed: MissedOffsets;
  readonly #letters: DeadLetters;
  readonly #pool: string;

  constructor(options: {
    pool: string;
    nodes: BulkInvalidator;
    watch: NodeWatch;
    missed: MissedOffsets;
    letters: DeadLetters;
  }) {
    this.#pool = options.pool;
    this.#nodes = options.nodes;
    this.#watch = options.watch;
    this.#missed = options.missed;
    this.#letters = options.letters;
  }

  async execute(plan: BatchPlan, start: BatchStart): Promise<Execution> {
    executing.publish(start);
    const execution = { acknowledged: new Map<string, number>(), missed: new Map<string, number>() };
    await Promise.all([
      this.#deleteAll(plan, start, execution),
      ...plan.letters.map(({ message, reason }) =>
        this.#letters.park(message, { ...start, pool: this.#pool, reason }),
      ),
    ]);
    executed.publish(start);
    return execution;
  }

  async #deleteAll(plan: BatchPlan, start: BatchStart, execution: WritableExecution): Promise<void> {
    if (plan.keys.size > 0) await this.#delete([...plan.keys.keys()], start, execution);
    for (const sliced of plan.slices)
      for (let from = 0; from < sliced.size; from += maxKeysAtOnce)
        await this.#delete(
          sliced.slice(from, maxKeysAtOnce).map(({ key }) => key),
          start,
          execution,
        );
  }

  async #delete(keys: readonly CacheKey[], start: BatchStart, execution: WritableExecution): Promise<void> {
    await Promise.all(
      [...this.#nodes.byOwner(keys)].map(async ([node, owned]) => {
        const done = await this.#deleteOn(node, owned);
        const counts = done ? execution.acknowledged : execution.missed;
        counts.set(node, (counts.get(node) ?? 0) + owned.length);
        if (!done) this.#missed.mark(partitionId(start.topic, start.partition), node, start.firstOffset);
      }),
    );
  }

  /** A first failure may be a connection that a restarted node closed: deletes are idempotent, so once more. */
  async #deleteOn(node: string, keys: readonly CacheKey[]): Promise<boolean> {
    if (!this.#watch.accepts(node)) return false;
    try {
      await this.#nodes.deleteOn(node, keys).catch(() => this.#nodes.deleteOn(node, keys));
      return true;
    } catch (error) {
      this.#watch.failed(node, error);
      return false;
    }
  }
}

interface WritableExecution {
  readonly acknowledged: Map<string, number>;
  readonly missed: Map<string, number>;
}

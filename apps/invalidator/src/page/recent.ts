import type { ChangeEvent } from "@freshet/contracts";
import type { PoolGraph } from "@freshet/dependency-graph";
import type { Execution } from "../pipeline/execute.ts";

/** One batch that was invalidated, as much of it as is worth showing. */
export interface RecentBatch {
  readonly topic: string;
  readonly partition: number;
  /** How many events it held. */
  readonly events: number;
  /** The last of them: nobody reads a thousand lines a second. */
  readonly shown: readonly ChangeEvent[];
  /** What it was planned with. */
  readonly graph: PoolGraph;
  readonly execution: Execution;
  /** When every node had acknowledged or was marked, in ms since 1970. */
  readonly goneAtMs: number;
}

/**
 * The last batches of one pool. Adding one costs the same however large it is; the keys of its events are worked out
 * again when somebody looks.
 */
export class RecentBatches {
  readonly #ring: RecentBatch[] = [];
  readonly #size: number;
  #added = 0;

  constructor(size = 50) {
    this.#size = size;
  }

  /** Of the next batch: `since` answers what came from a position on. */
  get position(): number {
    return this.#added;
  }

  add(batch: RecentBatch): void {
    this.#ring[this.#added % this.#size] = batch;
    this.#added += 1;
  }

  /** What was added from this position on and is still held, the oldest first. */
  since(position: number): readonly RecentBatch[] {
    return this.#between(position, this.#added);
  }

  /** What was added before this position and is still held, the oldest first. */
  until(position: number): readonly RecentBatch[] {
    return this.#between(0, position);
  }

  #between(from: number, to: number): readonly RecentBatch[] {
    const batches: RecentBatch[] = [];
    for (let at = Math.max(from, this.#added - this.#size, 0); at < to; at += 1) {
      const batch = this.#ring[at % this.#size];
      if (batch) batches.push(batch);
    }
    return batches;
  }
}

import type { BulkInvalidator } from "@freshet/cache";
import type {
  AssignedPartition,
  ConsumerFailure,
  ConsumerHooks,
  Gap,
  MissedOffsets as CommittedMarks,
  TopicPartition,
} from "@freshet/kafka";
import { type MissedOffsets, partitionId } from "../nodes/missed-offsets.ts";
import { flushPool } from "../nodes/pool-nodes.ts";
import type { PoolReport } from "../operator/report.ts";

/** How a pool answers when events can't be read any more. */
export type GapPolicy = "alarm" | "flush";

/**
 * Step 5 of the invalidation path: what each commit carries beside its offset, and what is taken over from the
 * commit of the partition's earlier owner. The consumer commits the prefix that is done; these marks name every
 * deletion below it that some node has not acknowledged (I4).
 */
export class CommitHooks implements ConsumerHooks {
  readonly #nodes: BulkInvalidator;
  readonly #missed: MissedOffsets;
  readonly #report: PoolReport;
  readonly #onGap: GapPolicy;
  readonly #unpaused: () => Promise<void>;
  readonly #onGivenUp: (error: unknown) => void;
  #flushing: Promise<void> | undefined;

  constructor(options: {
    nodes: BulkInvalidator;
    missed: MissedOffsets;
    report: PoolReport;
    onGap: GapPolicy;
    /** Resolves while the pool is not paused: nothing of a paused one is flushed. */
    unpaused: () => Promise<void>;
    onGivenUp: (error: unknown) => void;
  }) {
    this.#nodes = options.nodes;
    this.#missed = options.missed;
    this.#report = options.report;
    this.#onGap = options.onGap;
    this.#unpaused = options.unpaused;
    this.#onGivenUp = options.onGivenUp;
  }

  topology(): string {
    return this.#nodes.topologyHash;
  }

  missed({ topic, partition }: TopicPartition): CommittedMarks {
    return this.#missed.of(partitionId(topic, partition));
  }

  onAssigned(partitions: readonly AssignedPartition[]): void {
    for (const assigned of partitions) {
      const { topic, partition, metadata } = assigned;
      this.#missed.restore(partitionId(topic, partition), metadata?.miss ?? {}, this.#nodes.nodes);
      // "" is what a partition has before its first commit under this format.
      if (metadata !== undefined && !this.#nodes.knowsTopology(metadata.topo))
        this.#report.topologyUnknown(assigned);
    }
    this.#report.assigned(partitions);
  }

  onRevoked(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#missed.drop(partitionId(topic, partition));
  }

  async onGap(gap: Gap): Promise<void> {
    const flush = this.#onGap === "flush";
    if (flush) {
      await this.#unpaused();
      await (this.#flushing ??= this.#flushSoon());
    }
    this.#report.gap(gap, flush);
  }

  /** Once for all partitions that tell of their gaps in this tick: a topic that is made again has one in each. */
  async #flushSoon(): Promise<void> {
    await Promise.resolve();
    this.#flushing = undefined; // a gap that is found from here on is flushed for once more
    await flushPool(this.#nodes, (node) => {
      this.#report.flushed(node, "gap");
    });
  }

  onFailure(failure: ConsumerFailure): void {
    this.#report.failure(failure);
  }

  onGivenUp(error: unknown): void {
    this.#report.givenUp(error);
    this.#onGivenUp(error);
  }
}

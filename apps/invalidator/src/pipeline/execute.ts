import { channel } from "node:diagnostics_channel";
import type { BulkInvalidator, RateLimit } from "@freshet/cache";
import type { CacheKey } from "@freshet/contracts";
import type { SlicedPlan } from "@freshet/dependency-graph";
import type { DeadLetters } from "@freshet/kafka";
import { type MissedOffsets, partitionId } from "../nodes/missed-offsets.ts";
import type { NodeWatch } from "../nodes/node-watch.ts";
import type { BatchPlan } from "./plan.ts";
import type { Renewed, Renewer } from "../owners/renew.ts";

/** Where the batch stands: a node that misses something owes everything from `firstOffset` on. */
export interface BatchStart {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: bigint;
  /** 1 for the first try. */
  readonly attempt: number;
  /** When its first record was appended, in ms since 1970. */
  readonly oldestMs: number;
  /** Aborted when the batch is given up: what is still to be sent is not. */
  readonly signal: AbortSignal;
}

/** How far an event has come that expands to too many keys to hold at once; `done` slices, 0 when it begins. */
export interface SliceProgress {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly keys: number;
  readonly slices: number;
  readonly done: number;
}

/** Keys per node: deleted or refreshed and acknowledged, or missed and marked. */
export interface Execution {
  readonly deleted: ReadonlyMap<string, number>;
  readonly refreshed: ReadonlyMap<string, number>;
  readonly missed: ReadonlyMap<string, number>;
  /** How each key ended that its view wants refreshed. */
  readonly renewals: Renewed["results"];
}

const executing = channel("freshet:invalidate.executing");
const executed = channel("freshet:invalidate.executed");

/**
 * Step 4 of the invalidation path: plan → memcached. Nodes work side by side, each with one pipelined write; keys
 * that are refreshed go their own way beside them, and those that could not be are deleted after all. A node that
 * does not acknowledge in two tries is put away: the pool goes on for the others, and the batch's first offset is
 * marked for it. Rejects only when a dead letter can't be parked, or when the batch is given up: then nothing of it
 * is committed.
 */
export class PlanExecutor {
  readonly #nodes: BulkInvalidator;
  readonly #watch: NodeWatch;
  readonly #missed: MissedOffsets;
  readonly #letters: DeadLetters;
  readonly #renewer: Renewer;
  readonly #onSlice: (progress: SliceProgress) => void;
  readonly #pool: string;
  readonly #ceiling: RateLimit;

  constructor(options: {
    pool: string;
    nodes: BulkInvalidator;
    watch: NodeWatch;
    missed: MissedOffsets;
    letters: DeadLetters;
    renewer: Renewer;
    onSlice: (progress: SliceProgress) => void;
    /** Of the pool's deletes per second: what is above it waits, and with it the partition. */
    ceiling: RateLimit;
  }) {
    this.#pool = options.pool;
    this.#nodes = options.nodes;
    this.#watch = options.watch;
    this.#missed = options.missed;
    this.#letters = options.letters;
    this.#renewer = options.renewer;
    this.#onSlice = options.onSlice;
    this.#ceiling = options.ceiling;
  }

  async execute(plan: BatchPlan, start: BatchStart): Promise<Execution> {
    if (executing.hasSubscribers) executing.publish({ ...start, pool: this.#pool });
    const counts: Counts = { deleted: new Map(), missed: new Map() };
    const [renewed] = await Promise.all([
      this.#renewAll(plan, start, counts),
      this.#deleteAll(plan, start, counts),
      this.#letters.park(
        plan.letters.map(({ message: record, reason }) => ({ record, reason })),
        { ...start, pool: this.#pool },
        { signal: start.signal },
      ),
    ]);
    if (executed.hasSubscribers) executed.publish({ ...start, pool: this.#pool });
    return { ...counts, refreshed: renewed.refreshed, renewals: renewed.results };
  }

  async #renewAll(plan: BatchPlan, start: BatchStart, counts: Counts): Promise<Renewed> {
    const renewed = await this.#renewer.renew(plan.renewals, start.oldestMs, start.signal);
    for (const [node, keys] of renewed.deleted) add(counts.deleted, node, keys);
    await this.#delete(renewed.left, start, counts);
    return renewed;
  }

  async #deleteAll(plan: BatchPlan, start: BatchStart, counts: Counts): Promise<void> {
    await this.#delete(plan.deletes, start, counts);
    if (plan.sliced) await this.#deleteSlices(plan.sliced, start, counts);
  }

  async #deleteSlices(sliced: SlicedPlan, start: BatchStart, counts: Counts): Promise<void> {
    const { topic, partition, firstOffset: offset, signal } = start;
    const { size: keys, slices } = sliced;
    for (let done = 0; done < slices; done += 1) {
      signal.throwIfAborted();
      this.#onSlice({ topic, partition, offset, keys, slices, done });
      await this.#delete(
        sliced.slice(done).map(({ key }) => key),
        start,
        counts,
      );
    }
    this.#onSlice({ topic, partition, offset, keys, slices, done: slices });
  }

  async #delete(keys: Iterable<CacheKey>, start: BatchStart, counts: Counts): Promise<void> {
    await Promise.all(
      [...this.#nodes.byOwner(keys)].map(async ([node, owned]) => {
        const done = await this.#deleteOn(node, owned, start.signal);
        add(done ? counts.deleted : counts.missed, node, owned.length);
        if (!done) this.#missed.mark(partitionId(start.topic, start.partition), node, start.firstOffset);
      }),
    );
  }

  async #deleteOn(node: string, keys: readonly CacheKey[], signal: AbortSignal): Promise<boolean> {
    for await (const portion of this.#ceiling.portions(keys, signal))
      if (!(await this.#deletePortion(node, portion))) return false;
    return true;
  }

  /** A first failure may be a connection that a restarted node closed: deletes are idempotent, so once more. */
  async #deletePortion(node: string, keys: readonly CacheKey[]): Promise<boolean> {
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

interface Counts {
  readonly deleted: Map<string, number>;
  readonly missed: Map<string, number>;
}

function add(counts: Map<string, number>, node: string, keys: number): void {
  counts.set(node, (counts.get(node) ?? 0) + keys);
}

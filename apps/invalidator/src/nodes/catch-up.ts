import type { BulkInvalidator, RateLimit } from "@freshet/cache";
import type { CacheKey } from "@freshet/contracts";
import type { PoolGraph } from "@freshet/dependency-graph";
import type { PartitionStatus, ReadRecords, RecordReader } from "@freshet/kafka";
import { decodeBatch } from "../pipeline/decode.ts";
import { planBatch } from "../pipeline/plan.ts";
import type { LiveFirst } from "./live-first.ts";
import { type MissedOffsets, type PartitionId, partitionId } from "./missed-offsets.ts";
import { decideCatchUp, decideRange, eventsIn, type MissedRange } from "./missed-range.ts";

/** Records of one slice: some milliseconds of planning, between which live batches pass. */
const sliceRecords = 250;
const fetch = { maxWaitMs: 250, maxBytesPerPartition: 256 * 1_024 };
/** A fill that began before its event can end after it, by the fill deadline of 8 s; the rest is for clocks. */
const ageMarginMs = 60_000;

/** How a catch-up ended; `lost`: partitions whose missed records can't be read any more, their marks stay. */
export type CaughtUp =
  | { readonly how: "flushed" }
  | { readonly how: "replayed"; readonly events: number; readonly lost: readonly PartitionId[] };

/** How far a catch-up has come, in events. */
export interface CatchUpProgress {
  readonly done: number;
  readonly left: number;
}

/** One slice of a replay. */
export interface ReplayedSlice {
  readonly node: string;
  readonly events: number;
  readonly keys: number;
  readonly seconds: number;
}

/** A node did not acknowledge deletes of its replay: it is away again. */
export class NodeFailed extends Error {
  constructor(cause: unknown) {
    super("the node failed while it was caught up", { cause });
  }
}

interface CatchUpOptions {
  readonly nodes: BulkInvalidator;
  readonly missed: MissedOffsets;
  readonly live: LiveFirst;
  /** The pool's own: what is deleted here counts with what live batches delete. */
  readonly ceiling: RateLimit;
  /** Resolves while the pool is not paused. */
  readonly unpaused: (signal: AbortSignal) => Promise<void>;
  readonly dedicated: boolean;
  /** A dedicated node that has missed more events is flushed instead. */
  readonly mostEvents: number;
  readonly sliceKeys: number;
  readonly graph: () => PoolGraph;
  readonly longestHardTtlMs: () => number;
  readonly partitions: () => readonly PartitionStatus[];
  /** Not connected yet; closed at the end of each catch-up. */
  readonly createReader: () => RecordReader;
  /** Writes the changed marks of this partition into its commit metadata. */
  readonly recommit: (partition: PartitionId) => void;
  readonly onSlice: (slice: ReplayedSlice) => void;
}

/** A partition in which the node owes, and what of it is replayed. */
interface Owed {
  readonly id: PartitionId;
  readonly topic: string;
  readonly partition: number;
  readonly range: MissedRange;
}

/**
 * Brings a node that has missed deletions up to date, while deletes go to it again: the missed records are read once
 * more and planned, and this node's keys alone are deleted, slice by slice between live batches. The mark of a
 * partition rises with each slice that is acknowledged, and goes into its commits, so that a replay goes on where it
 * was after a kill or a rebalance.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #progress = new Map<string, { done: number; left: number }>();

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  progressOf(node: string): CatchUpProgress | undefined {
    return this.#progress.get(node);
  }

  /**
   * Catches one node up; call it in the tick in which deletes begin to go to the node again. Marks of what is not
   * done when it rejects are kept.
   * @throws NodeFailed; what the broker answers; the reason of `signal`
   */
  async run(node: string, signal: AbortSignal): Promise<CaughtUp> {
    const { missed, partitions, createReader, recommit } = this.#options;
    // In this tick: what these partitions take from here on is deleted on the node as it comes.
    const owing = missed.partitionsOf(node);
    const taken = partitions().filter(({ phase }) => phase === "reading");
    missed.beginCatchUp(node);
    const reader = createReader();
    let isClean = false;
    try {
      await orAborted(reader.connect(), signal);
      const owed = await orAborted(this.#rangesOf(node, owing, taken, reader), signal);
      const ranges = owed.map(({ range }) => range);
      if (decideCatchUp(ranges, this.#options) === "flush") {
        await this.#options.unpaused(signal);
        await this.#flush(node);
        isClean = true;
        return { how: "flushed" };
      }
      const events = Number(eventsIn(ranges));
      this.#progress.set(node, { done: 0, left: events });
      for (const each of owed) await this.#replay(node, each, reader, signal);
      return {
        how: "replayed",
        events,
        lost: owed.filter(({ range }) => range === "lost").map(({ id }) => id),
      };
    } finally {
      missed.endCatchUp(node, isClean);
      if (isClean) for (const id of owing) recommit(id);
      this.#progress.delete(node);
      await reader.close().catch(() => undefined);
    }
  }

  async #rangesOf(
    node: string,
    owing: readonly PartitionId[],
    taken: readonly PartitionStatus[],
    reader: RecordReader,
  ): Promise<Owed[]> {
    const { missed, longestHardTtlMs } = this.#options;
    const sinceMs = Math.max(0, Date.now() - longestHardTtlMs() - ageMarginMs);
    const owed = taken.filter(({ topic, partition }) => owing.includes(partitionId(topic, partition)));
    const bounds = await reader.bounds(owed, sinceMs);
    return owed.flatMap((at) => {
      const { topic, partition, position: end, recreationCheck: hasAppendTime } = at;
      const id = partitionId(topic, partition);
      const from = missed.catchingUpFrom(id, node);
      if (from === undefined) return []; // the partition moved meanwhile
      const { low, firstSince } = bounds(at);
      const range = decideRange({ from, end, low, firstNeeded: hasAppendTime ? (firstSince ?? end) : low });
      return [{ id, topic, partition, range }];
    });
  }

  async #replay(node: string, at: Owed, reader: RecordReader, signal: AbortSignal): Promise<void> {
    const { id, topic, partition, range } = at;
    if (range === "lost") return;
    const { missed, recommit } = this.#options;
    let offset = range.from;
    while (offset < range.end) {
      const [records] = await orAborted(reader.read([{ topic, partition, offset }], fetch), signal);
      for await (const done of this.#slices(node, topic, records, range.end, signal)) {
        if (!missed.advance(id, node, done)) return; // another member has the partition now, and its mark
        recommit(id);
        this.#count(node, done - offset);
        offset = done;
      }
      const next = records?.next ?? offset; // behind markers of transactions, too
      if (next > offset) this.#count(node, (next < range.end ? next : range.end) - offset);
      offset = next;
    }
    missed.settle(id, node);
    recommit(id);
  }

  /** Deletes what the records below `end` say, and yields behind each slice that the node has acknowledged. */
  async *#slices(
    node: string,
    topic: string,
    records: ReadRecords | undefined,
    end: bigint,
    signal: AbortSignal,
  ): AsyncGenerator<bigint> {
    const { graph, sliceKeys, onSlice } = this.#options;
    let rest = (records?.messages ?? []).filter(({ offset }) => BigInt(offset) < end);
    while (rest.length > 0) {
      await this.#turn(signal);
      const startedMs = performance.now();
      const head = rest.slice(0, sliceRecords);
      const plan = planBatch(decodeBatch(head), topic, graph(), sliceKeys);
      const done = plan.end ?? BigInt(head.at(-1)?.offset ?? 0) + 1n;
      // Of what is renewed live nothing can be known here: the owner need not be asked for values that nobody wants.
      const renewed = plan.renewals.map(({ item }) => item.key);
      let keys = await this.#delete(node, [...plan.deletes, ...renewed], signal);
      for (let slice = 0; slice < (plan.sliced?.slices ?? 0); slice += 1) {
        await this.#turn(signal);
        keys += await this.#delete(node, plan.sliced?.slice(slice).map(({ key }) => key) ?? [], signal);
      }
      const before = rest.length;
      rest = rest.filter(({ offset }) => BigInt(offset) >= done);
      onSlice({ node, events: before - rest.length, keys, seconds: (performance.now() - startedMs) / 1_000 });
      yield done;
    }
  }

  /** Resolves when the next slice may begin. */
  async #turn(signal: AbortSignal): Promise<void> {
    await this.#options.unpaused(signal);
    await this.#options.live.turn(signal);
    signal.throwIfAborted();
  }

  /** Deletes those of the keys that the node owns; a first failure may be a connection that was just closed. */
  async #delete(node: string, keys: readonly CacheKey[], signal: AbortSignal): Promise<number> {
    const { nodes, ceiling } = this.#options;
    const owned = nodes.byOwner(keys).get(node) ?? [];
    for await (const portion of ceiling.portions(owned, signal))
      await nodes
        .deleteOn(node, portion)
        .catch(() => nodes.deleteOn(node, portion))
        .catch((error: unknown) => {
          throw new NodeFailed(error);
        });
    return owned.length;
  }

  async #flush(node: string): Promise<void> {
    await this.#options.nodes.flush(node).catch((error: unknown) => {
      throw new NodeFailed(error);
    });
  }

  #count(node: string, events: bigint): void {
    const progress = this.#progress.get(node);
    if (progress === undefined) return;
    progress.done += Number(events);
    progress.left = Math.max(0, progress.left - Number(events));
  }
}

/** What a broker that does not answer is asked may take a minute: nobody waits for it after an abort. */
async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error("given up"));
    };
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", abort);
    });
  });
}

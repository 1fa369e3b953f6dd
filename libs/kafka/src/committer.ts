import { channel } from "node:diagnostics_channel";
import { setTimeout as delay } from "node:timers/promises";
import { type Broker, type Cluster } from "kafkajs";
import { KafkaJSProtocolError } from "./kafkajs-values.ts";
import { encodeCommitMetadata, type MissedOffsets } from "./offsets.ts";
import type { PartitionRun } from "./partition-run.ts";
import type { TopicPartition } from "./types.ts";

const commitStarts = channel("freshet:kafka.commit");
const commitEnded = channel("freshet:kafka.committed");
const retryMs = 250;
/** The broker's answers while the assignment ends: no failure, the next GROUP_JOIN closes this committer. */
const overErrors = new Set(["ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS"]);

/** One partition of a commit as it goes on the wire; also the message of the diagnostics channels. */
export interface CommitEntry extends TopicPartition {
  readonly offset: string;
  readonly metadata: string;
}

/**
 * Commits for one assignment, in its generation, so that the broker itself refuses a stale one. kafkajs's own
 * commit calls take whatever generation is current when they get to run, or drop the metadata. One request at a
 * time; what becomes done meanwhile goes into the next.
 */
export class Committer {
  readonly #cluster: Cluster;
  readonly #groupId: string;
  readonly #memberId: string;
  readonly #source: { topology(): string; missed(partition: TopicPartition): MissedOffsets };
  readonly #onFailure: (attempt: number, error: unknown) => void;
  readonly #closed = new AbortController();
  readonly #generationKnown: Promise<void>;
  #learned: () => void = () => undefined;
  #generation: number | undefined;
  #coordinator: Broker | undefined;
  #dirty = new Set<PartitionRun>();
  #sending: readonly PartitionRun[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: {
    cluster: Cluster;
    groupId: string;
    memberId: string;
    source: { topology(): string; missed(partition: TopicPartition): MissedOffsets };
    onFailure: (attempt: number, error: unknown) => void;
  }) {
    this.#cluster = options.cluster;
    this.#groupId = options.groupId;
    this.#memberId = options.memberId;
    this.#source = options.source;
    this.#onFailure = options.onFailure;
    this.#generationKnown = new Promise((resolve) => {
      this.#learned = resolve;
    });
  }

  /** GROUP_JOIN does not tell the generation: it comes right after it, and with each heartbeat. */
  learnGeneration(memberId: string, generation: number): void {
    if (memberId !== this.#memberId) return;
    this.#generation = generation;
    this.#learned();
    this.#start();
  }

  /** Commits the partition's `done` and marks as they are when the request is built. */
  mark(run: PartitionRun): void {
    this.#dirty.add(run);
    this.#start();
  }

  /** Whether something of this partition was marked and is not known to be committed. */
  isPending(run: PartitionRun): boolean {
    return this.#dirty.has(run) || this.#sending.includes(run);
  }

  /** Resolves when everything marked is committed; never, if it can't be: bound it. */
  async flush(): Promise<void> {
    if (this.#dirty.size > 0) await this.#generationKnown;
    await this.#loop;
  }

  /** No request begins after this; resolves when the last one was answered. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#loop;
  }

  #start(): void {
    const idle = this.#loop === undefined && this.#dirty.size > 0;
    if (idle && this.#generation !== undefined && !this.#closed.signal.aborted) this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    let attempt = 0;
    while (this.#dirty.size > 0 && !this.#closed.signal.aborted) {
      const runs = [...this.#dirty];
      this.#sending = runs;
      this.#dirty.clear();
      try {
        await this.#commit(runs.filter((run) => !run.isStopped()));
        attempt = 0;
      } catch (error) {
        this.#coordinator = undefined;
        const over = error instanceof KafkaJSProtocolError && overErrors.has(error.type);
        if (!over) this.#onFailure(++attempt, error);
        for (const run of runs) this.#dirty.add(run);
        this.#sending = [];
        await delay(retryMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
      }
    }
    // In the same tick as the look at dirty: a mark that came in between would wait for the next one.
    this.#loop = undefined;
    this.#sending = [];
  }

  async #commit(runs: readonly PartitionRun[]): Promise<void> {
    const groupGenerationId = this.#generation;
    if (runs.length === 0 || groupGenerationId === undefined) return;
    this.#coordinator ??= await this.#cluster.findGroupCoordinator({ groupId: this.#groupId });
    const topo = this.#source.topology();
    const entries = runs.map((run): CommitEntry => {
      const { topic, partition, done, ts, others } = run;
      const miss = this.#source.missed(run);
      return {
        topic,
        partition,
        offset: done.toString(),
        metadata: encodeCommitMetadata({ topo, ts, miss, ...(others ? { others } : {}) }),
      };
    });
    const topics = [...new Set(entries.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: entries.filter((entry) => entry.topic === topic),
    }));
    if (commitStarts.hasSubscribers) commitStarts.publish({ groupId: this.#groupId, entries });
    await this.#coordinator.offsetCommit({
      groupId: this.#groupId,
      groupGenerationId,
      memberId: this.#memberId,
      topics,
    });
    if (commitEnded.hasSubscribers) commitEnded.publish({ groupId: this.#groupId, entries });
  }
}

import { channel } from "node:diagnostics_channel";
import { setTimeout as delay } from "node:timers/promises";
import type { Assignment, Cluster, Consumer } from "kafkajs";
import { Committer } from "./committer.ts";
import { KafkaJSError } from "./kafkajs-values.ts";
import type { CommitMetadata } from "./offsets.ts";
import { type Anchors, PartitionRun } from "./partition-run.ts";
import type { GuardedPosition, KnownPosition, PositionGuard } from "./position-guard.ts";
import type { BatchHandler, ConsumerFailure, ConsumerHooks, TopicPartition } from "./types.ts";
import type { UnreadableBatch } from "./unreadable-batch.ts";

const retryMs = 500;

const compared = channel("freshet:kafka.compared");

export interface HoldingOptions {
  readonly consumer: Consumer;
  readonly cluster: Cluster;
  readonly guard: PositionGuard;
  readonly groupId: string;
  readonly handler: BatchHandler;
  readonly hooks: ConsumerHooks;
  readonly anchors: Anchors;
}

/**
 * The partitions of one GROUP_JOIN, until the next one or the end of the session. They come paused; each is
 * compared with the broker, sought and resumed, and compared again at every `check`.
 */
export class Holding {
  readonly #options: HoldingOptions;
  readonly #runs: Map<string, PartitionRun>;
  readonly #committer: Committer;
  readonly #over = new AbortController();
  /** The last commit of the previous holding must be on the broker before offsets are read from there. */
  readonly #earlier: Promise<unknown>;

  /** Takes over from `previous`, which ends. */
  constructor(
    options: HoldingOptions,
    memberId: string,
    partitions: readonly TopicPartition[],
    previous: Holding | undefined,
  ) {
    const { cluster, groupId, hooks } = options;
    this.#options = options;
    this.#runs = new Map(partitions.map((at) => [id(at), this.#newRun(at, previous?.run(at))]));
    this.#committer = new Committer({
      cluster,
      groupId,
      memberId,
      source: hooks,
      onFailure: (attempt, error) => {
        this.#fail("commit", undefined, attempt, error);
      },
    });
    const busy = this.runs.filter((run) => previous?.run(run)?.isBusy() === true);
    const lost = (previous?.runs ?? []).filter((run) => this.run(run) === undefined);
    this.#earlier = previous?.end() ?? Promise.resolve();
    this.#revoke(lost);
    // A handler that is slow to return holds up its own partition only.
    void this.#guard(this.runs.filter((run) => !busy.includes(run)));
    for (const run of busy) void this.#guard([run]);
  }

  get runs(): PartitionRun[] {
    return [...this.#runs.values()];
  }

  run(at: TopicPartition): PartitionRun | undefined {
    return this.#runs.get(id(at));
  }

  get committer(): Committer {
    return this.#committer;
  }

  get owned(): Assignment {
    const owned: Assignment = {};
    for (const { topic, partition } of this.runs) (owned[topic] ??= []).push(partition);
    return owned;
  }

  isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** No batch begins any more; the partitions stay ours until `end`, for what is in hand and its commit. */
  finish(): void {
    this.#over.abort();
    this.pause(this.runs);
    for (const run of this.runs) run.finish();
  }

  /** Nothing is committed any more; resolves when the last commit was answered. */
  async end(): Promise<void> {
    this.#over.abort();
    for (const run of this.runs) run.stop();
    await Promise.all([this.#earlier, this.#committer.close()]);
  }

  /** Partitions with records that were taken and are not done, or are done and not committed. */
  get unfinished(): PartitionRun[] {
    return this.runs.filter((run) => run.isUnfinished() || this.#committer.isPending(run));
  }

  /** Resolves when every handler has returned. */
  get settled(): Promise<unknown> {
    return Promise.all(this.runs.map((run) => run.settled));
  }

  pause(partitions: readonly TopicPartition[]): void {
    const { consumer } = this.#options;
    ignoreGone(() => {
      consumer.pause(partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })));
    });
  }

  /** Reads no more of a partition until its handler has returned. */
  pauseUntilSettled(run: PartitionRun): void {
    this.pause([run]);
    void run.settled.then(() => {
      ignoreGone(() => {
        if (!run.isStopped() && !this.isOver()) this.#resume(run);
      });
    });
  }

  /** A topic deleted and made again raises no event in kafkajs, and an idle partition never notices anything. */
  async check(): Promise<void> {
    const reading = this.runs.filter(({ phase }) => phase === "reading");
    if (reading.length === 0) return;
    // Captured first: if the anchor still holds afterwards, what was read before is of the same topic.
    const read = new Map(reading.map((run) => [run, run.readAnchor]));
    const known = new Map(
      reading.map((run) => [
        run,
        { committed: run.position, metadata: { topo: "", ts: undefined, miss: {} }, anchor: run.anchor },
      ]),
    );
    try {
      for (const position of await this.#compare(known)) {
        const run = this.run(position);
        if (this.isOver() || run?.phase !== "reading" || !read.has(run)) continue;
        if (position.gap !== undefined) this.guardAgain(run);
        else {
          run.anchor = read.get(run);
          run.seeHigh(position.high);
        }
      }
      if (compared.hasSubscribers) compared.publish({ groupId: this.#options.groupId });
    } catch (error) {
      this.#fail("check", undefined, 1, error);
    }
  }

  /** Guards one partition again, from memory: kafkajs overwrites the commit when an offset is out of range. */
  guardAgain(run: PartitionRun): void {
    this.pause([run]);
    run.stop();
    const next = this.#newRun(run, run);
    this.#runs.set(id(run), next);
    void this.#guard([next], new Map([[next, { committed: run.done, metadata: this.#metadataOf(run) }]]));
  }

  /** Goes on behind a batch that can't be read, when all before it is done: what it held is a gap. */
  passUnreadable(run: PartitionRun, batch: UnreadableBatch, high: bigint): void {
    this.pause([run]);
    run.phase = "guarding";
    const detail = `offsets ${batch.firstOffset} to ${batch.offset}: ${batch.why}`;
    void run.settled.then(() => {
      const { topic, partition, recreationCheck, done: committed } = run;
      const ts = recreationCheck ? Math.max(run.ts ?? 0, Number(batch.timestamp)) : run.ts;
      const metadata = this.#metadataOf(run);
      const at = { topic, partition, recreationCheck, committed, metadata, high, ts };
      return this.#begin({ ...at, position: batch.next, gap: "unreadable" }, detail);
    });
  }

  #metadataOf(run: PartitionRun): CommitMetadata {
    const { hooks } = this.#options;
    const { ts, others } = run;
    return { topo: hooks.topology(), ts, miss: hooks.missed(run), ...(others ? { others } : {}) };
  }

  /** Compares partitions with the broker until it succeeds, tells the owner, then begins each of them. */
  async #guard(
    runs: readonly PartitionRun[],
    remembered?: ReadonlyMap<TopicPartition, KnownPosition>,
  ): Promise<void> {
    for (let attempt = 1; runs.length > 0 && !this.isOver(); attempt += 1) {
      try {
        await Promise.all([this.#earlier, ...runs.map((run) => run.settled)]);
        const known = remembered ?? (await this.#options.guard.committed(runs));
        const anchored = runs.map((run): [TopicPartition, KnownPosition] => {
          const { committed, metadata } = known.get(run) ?? { committed: undefined, metadata: undefined };
          return [run, { committed, metadata, anchor: run.anchor }];
        });
        const positions = await this.#compare(new Map(anchored));
        if (this.isOver()) return;
        await this.#options.hooks.onAssigned(positions);
        for (const position of positions) void this.#begin(position);
        return;
      } catch (error) {
        this.#fail("guard", undefined, attempt, error);
        await this.#wait(retryMs);
      }
    }
  }

  async #begin(guarded: GuardedPosition, detail?: string): Promise<void> {
    const { topic, partition, position, gap: reason, committed, metadata } = guarded;
    const { consumer, hooks } = this.#options;
    const run = this.run(guarded);
    for (let attempt = 1; run !== undefined && !this.isOver() && !run.isStopped(); attempt += 1) {
      try {
        if (reason !== undefined)
          await hooks.onGap({ topic, partition, reason, committed, position, ...(detail && { detail }) });
        if (this.isOver() || run.isStopped()) return;
        run.begin(guarded);
        consumer.seek({ topic, partition, offset: position.toString() });
        this.#resume(run);
        if (reason !== undefined || committed !== position || metadata === undefined)
          this.#committer.mark(run);
        return;
      } catch (error) {
        this.#fail("guard", guarded, attempt, error);
        await this.#wait(retryMs);
      }
    }
  }

  #revoke(lost: readonly PartitionRun[]): void {
    try {
      if (lost.length > 0) this.#options.hooks.onRevoked(lost);
    } catch (error) {
      // Thrown into GROUP_JOIN it would crash the consumer.
      this.#fail("guard", undefined, 1, error);
    }
  }

  #newRun(at: TopicPartition, previous: PartitionRun | undefined): PartitionRun {
    const { groupId, handler, anchors } = this.#options;
    return new PartitionRun(at, {
      groupId,
      handler,
      anchors,
      previous,
      onDone: (run) => {
        this.#committer.mark(run);
      },
      onFailure: (run, attempt, error) => {
        this.#fail("handler", run, attempt, error);
      },
    });
  }

  #compare(known: ReadonlyMap<TopicPartition, KnownPosition>): Promise<GuardedPosition[]> {
    return this.#options.guard.compare(this.#options.cluster, known, Date.now());
  }

  #resume({ topic, partition }: TopicPartition): void {
    this.#options.consumer.resume([{ topic, partitions: [partition] }]);
  }

  #wait(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  #fail(
    step: ConsumerFailure["step"],
    at: TopicPartition | undefined,
    attempt: number,
    error: unknown,
  ): void {
    const partition = at === undefined ? undefined : { topic: at.topic, partition: at.partition };
    this.#options.hooks.onFailure({ step, partition, attempt, error });
  }
}

/** kafkajs throws when its group has just crashed; then nothing is fetched that could be paused. */
function ignoreGone(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof KafkaJSError)) throw error;
  }
}

function id({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

import { setTimeout as delay } from "node:timers/promises";
import type { KafkaMessage } from "kafkajs";
import { type LagState, offsetLag, seeBatch, seeDone, seeHigh, startLag, timeLagSeconds } from "./lag.ts";
import type { CommitMetadata } from "./offsets.ts";
import { type Anchor, anchorOf, type GuardedPosition } from "./position-guard.ts";
import { turn } from "./turn.ts";
import type { BatchHandler, PartitionStatus, TopicPartition } from "./types.ts";

const backoffMs = { first: 100, most: 10_000 };

/** Anchors by `topic/partition`, for as long as the process lives. */
export type Anchors = Map<string, Anchor>;

/** What was fetched of one partition: `end` is the offset that the next fetch begins with. */
export interface FetchedBatch {
  readonly messages: readonly KafkaMessage[];
  readonly end: bigint;
  readonly high: bigint;
}

/**
 * One partition in one assignment. guarding → reading → stopped. The batch in hand is worked on outside of
 * kafkajs's eachBatch, so that heartbeats and the fetches of all partitions go on however long it takes.
 */
export class PartitionRun implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** Offset that the next fetch has to begin with. */
  position = 0n;
  /** First record not done: what a commit names. Stays behind `position` at a trailing control record. */
  done = 0n;
  /** Highest append time below `done`; undefined: unknown, or the topic has none. */
  ts: number | undefined;
  /** Fields of the commit that only a later version knows; they go into every commit of this run. */
  others: CommitMetadata["others"];
  phase: "guarding" | "reading" = "guarding";
  recreationCheck = false;
  readonly #groupId: string;
  readonly #handler: BatchHandler;
  readonly #onDone: (run: PartitionRun) => void;
  readonly #onFailure: (run: PartitionRun, attempt: number, error: unknown) => void;
  readonly #previous: Promise<unknown>;
  readonly #anchors: Anchors;
  readonly #stop = new AbortController();
  readonly #noRetry = new AbortController();
  #lag: LagState = startLag(0n, 0n, 0);
  /** Behind the last record that was read (markers behind it have append times that nobody sees). */
  #readEnd = 0n;
  #readTs: number | undefined;
  #failures = 0;
  #work: Promise<void> | undefined;

  constructor(
    { topic, partition }: TopicPartition,
    options: {
      groupId: string;
      handler: BatchHandler;
      onDone: (run: PartitionRun) => void;
      onFailure: (run: PartitionRun, attempt: number, error: unknown) => void;
      anchors: Anchors;
      /** The partition's earlier run: two handlers at a time would break the order. */
      previous: PartitionRun | undefined;
    },
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#groupId = options.groupId;
    this.#handler = options.handler;
    this.#onDone = options.onDone;
    this.#onFailure = options.onFailure;
    this.#previous = options.previous?.settled ?? Promise.resolve();
    this.#anchors = options.anchors;
  }

  /** Ends guarding: reading begins at `position`. `ts` undefined: no LogAppendTime known below it. */
  begin(start: Pick<GuardedPosition, "position" | "high" | "ts" | "recreationCheck" | "metadata">): void {
    this.position = this.done = this.#readEnd = start.position;
    this.ts = this.#readTs = start.ts;
    this.anchor = this.readAnchor;
    this.others = start.metadata?.others;
    this.recreationCheck = start.recreationCheck;
    this.#lag = startLag(start.position, start.high, Date.now());
    this.phase = "reading";
  }

  /** What the last comparison with the broker confirmed; goes on through rebalances and sessions. */
  get anchor(): Anchor | undefined {
    return this.#anchors.get(this.#id);
  }

  set anchor(anchor: Anchor | undefined) {
    if (anchor === undefined) this.#anchors.delete(this.#id);
    else this.#anchors.set(this.#id, anchor);
  }

  /** What is read now, as the anchor of a later comparison. */
  get readAnchor(): Anchor | undefined {
    return anchorOf(this.#readEnd, this.#readTs);
  }

  isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Nothing of this run is committed any more; `settled` tells when its handler has returned. */
  stop(): void {
    this.#stop.abort();
    this.finish();
  }

  /** The try in hand is the last one; what it does not do is read again by whoever comes next. */
  finish(): void {
    this.#noRetry.abort();
  }

  /** A handler of this partition, of this run or of an earlier one, has not returned yet. */
  isBusy(): boolean {
    return this.#work !== undefined || this.phase === "guarding";
  }

  /** Records were taken that are not done. */
  isUnfinished(): boolean {
    return this.#readEnd > this.done;
  }

  get settled(): Promise<unknown> {
    return Promise.all([this.#previous, this.#work]);
  }

  /** Takes the batch as soon as the one in hand is finished; false: still busy after `patienceMs`, or it ends. */
  async offer(batch: FetchedBatch, patienceMs: number): Promise<boolean> {
    if (this.#work !== undefined) {
      const waited = new AbortController();
      await Promise.race([
        this.#work,
        delay(patienceMs, undefined, { signal: waited.signal }).catch(() => undefined),
      ]);
      waited.abort();
    }
    if (this.#work !== undefined || this.#noRetry.signal.aborted) return false;
    this.position = batch.end;
    this.#work = this.#process(batch).finally(() => {
      this.#work = undefined;
    });
    return true;
  }

  /** kafkajs skipped records that no reader sees (transaction markers, aborted records). */
  skipTo(end: bigint): void {
    if (this.phase === "reading" && this.#work === undefined && end > this.position) this.position = end;
  }

  seeHigh(high: bigint): void {
    this.#lag = seeHigh(this.#lag, high, Date.now());
  }

  get status(): PartitionStatus {
    // Markers behind the last record are nothing to wait for.
    const caughtUp = this.#work === undefined && this.position >= this.#lag.high;
    return {
      topic: this.topic,
      partition: this.partition,
      phase: this.phase,
      done: this.done,
      position: this.position,
      high: this.#lag.high,
      offsetLag: caughtUp ? 0n : offsetLag(this.#lag),
      timeLagSeconds: caughtUp ? 0 : timeLagSeconds(this.#lag, Date.now()),
      failures: this.#failures,
      recreationCheck: this.recreationCheck,
    };
  }

  get #id(): string {
    return `${this.topic}/${this.partition}`;
  }

  async #process(batch: FetchedBatch): Promise<void> {
    let rest = batch.messages;
    this.#readTs = this.#highest(this.#readTs, rest);
    this.#readEnd = BigInt(rest.at(-1)?.offset ?? -1) + 1n;
    await turn(rest.length);
    // What was taken has its try, also where a stop began while it waited for its turn.
    for (let tries = 0; rest.length > 0 && (tries === 0 || !this.#noRetry.signal.aborted); tries += 1) {
      if (this.isStopped()) return;
      this.#lag = seeBatch(this.#lag, batch.high, Number(rest[0]?.timestamp));
      const done = await this.#handle(rest, batch.high);
      if (this.isStopped()) return; // of an assignment that is over nothing may be committed
      if (done > BigInt(rest[0]?.offset ?? 0)) {
        rest = this.#advance(rest, done);
        this.#onDone(this);
        continue; // without a wait: the handler may want to see a batch in parts
      }
      this.#failures += 1;
      const waitMs = Math.min(backoffMs.first * 2 ** (this.#failures - 1), backoffMs.most);
      await delay(waitMs, undefined, { signal: this.#noRetry.signal }).catch(() => undefined);
    }
    this.#failures = 0;
  }

  async #handle(messages: readonly KafkaMessage[], high: bigint): Promise<bigint> {
    const attempt = this.#failures + 1;
    const { topic, partition } = this;
    try {
      const { done } = await this.#handler({
        groupId: this.#groupId,
        topic,
        partition,
        messages,
        high,
        attempt,
        signal: this.#stop.signal,
      });
      return done;
    } catch (error) {
      if (!this.isStopped()) this.#onFailure(this, attempt, error);
      return this.done;
    }
  }

  #advance(messages: readonly KafkaMessage[], done: bigint): readonly KafkaMessage[] {
    const all = BigInt(messages.at(-1)?.offset ?? -1) < done;
    const index = all ? messages.length : messages.findIndex((message) => BigInt(message.offset) >= done);
    const [finished, rest] = [messages.slice(0, index), messages.slice(index)];
    const last = finished.at(-1);
    this.ts = this.#highest(this.ts, finished);
    // Never past the last record: the marker behind it has an append time that ts would not know of.
    this.done = rest.length > 0 || last === undefined ? done : BigInt(last.offset) + 1n;
    this.#failures = 0;
    this.#lag = seeDone(this.#lag, this.done, Number((rest[0] ?? last)?.timestamp));
    return rest;
  }

  #highest(ts: number | undefined, messages: readonly KafkaMessage[]): number | undefined {
    if (!this.recreationCheck) return undefined;
    let most = ts ?? 0;
    let seen: string | undefined;
    // All records that the broker appended in one batch have the same text.
    for (const { timestamp } of messages)
      if (timestamp !== seen) most = Math.max(most, Number((seen = timestamp)));
    return most;
  }
}

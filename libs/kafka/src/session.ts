import { setTimeout as delay } from "node:timers/promises";
import type {
  Admin,
  Assignment,
  Batch,
  Cluster,
  Consumer,
  ConsumerGroupJoinEvent,
  EachBatchPayload,
  Kafka,
} from "kafkajs";
import { createAssigner } from "./assigner.ts";
import { Committer } from "./committer.ts";
import { PartitionRun } from "./partition-run.ts";
import { type GuardedPosition, type KnownPosition, PositionGuard } from "./position-guard.ts";
import type { ConsumerSettings } from "./settings.ts";
import type {
  BatchHandler,
  ConsumerFailure,
  ConsumerHooks,
  PartitionStatus,
  TopicPartition,
} from "./types.ts";

/** How long a fetched batch waits for the one in hand before its partition is paused and fetched again later. */
const patienceMs = 100;
const retryMs = 500;
/** More than one replica has partitions: no batch queues behind another partition's. */
const workers = 256;

/** How a session ended: as asked, or because kafkajs gave up with this error. */
export type SessionEnd = "stopped" | { readonly crashed: Error };

export interface SessionOptions {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly settings: ConsumerSettings;
  readonly longestHardTtlMs: () => number;
  readonly hooks: ConsumerHooks;
  readonly handler: BatchHandler;
}

/** What one GROUP_JOIN gave us. */
interface Held {
  readonly runs: Map<string, PartitionRun>;
  readonly committer: Committer;
}

/**
 * One kafkajs consumer from its connection to its end, with fixed topics (subscribe while running throws).
 * At each GROUP_JOIN every partition is paused, guarded, sought and resumed; a batch is handed to its partition's
 * run and never throws into kafkajs, which would stop the fetches of all partitions.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #consumer: Consumer;
  readonly #guard: PositionGuard;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<SessionEnd>;
  #end: (end: SessionEnd) => void = () => undefined;
  #cluster: Cluster | undefined;
  #joined: Promise<void> | undefined;
  #held: Held | undefined;
  /** The commits of earlier assignments. */
  #committed: Promise<unknown> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.#options = options;
    const { kafka, admin, groupId, settings } = options;
    this.#guard = new PositionGuard(admin, groupId, options.longestHardTtlMs);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#consumer = kafka.consumer({
      groupId,
      partitionAssigners: [
        createAssigner({
          onCluster: (cluster) => {
            this.#cluster = cluster;
          },
          owned: () => this.#owned(),
        }),
      ],
      sessionTimeout: settings.sessionTimeoutMs,
      heartbeatInterval: settings.heartbeatIntervalMs,
      rebalanceTimeout: settings.rebalanceTimeoutMs,
      maxWaitTimeInMs: settings.maxWaitTimeMs,
      maxBytesPerPartition: settings.maxBytesPerPartition,
      metadataMaxAge: settings.metadataMaxAgeMs,
      allowAutoTopicCreation: false,
      // kafkajs must not restart by itself: a restart during a disconnect leaves a consumer nobody holds.
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
  }

  /** Joins the group and reads until `stop` or a crash; never rejects. */
  async run(): Promise<SessionEnd> {
    this.#joined = this.#join();
    try {
      await this.#joined;
      void this.#checkPeriodically();
    } catch (error) {
      await this.#consumer.disconnect().catch(() => undefined);
      this.#end({ crashed: error instanceof Error ? error : new Error(String(error)) });
    }
    const end = await this.#ended;
    this.#stopping.abort();
    await this.#release();
    return end;
  }

  /** Finishes or abandons the batches in hand within the drain time, commits what is done, leaves the group. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    const held = this.#held;
    if (held !== undefined) {
      const runs = [...held.runs.values()];
      this.#pauseFetches(runs);
      for (const run of runs) run.finish();
      const { drainTimeoutMs } = this.#options.settings;
      await atMost(drainTimeoutMs, Promise.all(runs.map((run) => run.settled)));
      await atMost(drainTimeoutMs, held.committer.flush());
    }
    // A disconnect during a join leaves a member that nobody stops.
    await this.#joined?.catch(() => undefined);
    await this.#consumer.disconnect().catch((error: unknown) => {
      this.#fail("session", undefined, 1, error);
    });
    this.#end("stopped");
  }

  recommit({ topic, partition }: TopicPartition): void {
    const run = this.#held?.runs.get(key(topic, partition));
    if (run?.phase === "reading") this.#held?.committer.mark(run);
  }

  get partitions(): PartitionStatus[] {
    return [...(this.#held?.runs.values() ?? [])].map((run) => run.status);
  }

  async #join(): Promise<void> {
    const consumer = this.#consumer;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#assigned(payload);
    });
    consumer.on(consumer.events.HEARTBEAT, ({ payload }) => {
      this.#held?.committer.learnGeneration(payload.memberId, payload.groupGenerationId);
    });
    consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return;
      this.#held?.runs.get(key(payload.topic, payload.partition))?.skipTo(BigInt(payload.lastOffset) + 1n);
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.#end({ crashed: payload.error });
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: workers,
      eachBatch: (payload) => this.#eachBatch(payload),
    });
  }

  /** Runs synchronously inside GROUP_JOIN: paused here, no partition is fetched before it is guarded. */
  #assigned({ memberId, memberAssignment }: ConsumerGroupJoinEvent["payload"]): void {
    const partitions = Object.entries(memberAssignment).flatMap(([topic, list]) =>
      list.map((partition) => ({ topic, partition })),
    );
    this.#pauseFetches(partitions);
    const { groupId, hooks } = this.#options;
    const cluster = this.#cluster;
    if (this.#stopping.signal.aborted || cluster === undefined) return;
    const previous = this.#held;
    const runs = new Map(
      partitions.map((at) => {
        const id = key(at.topic, at.partition);
        return [id, this.#newRun(at, previous?.runs.get(id))];
      }),
    );
    const committer = new Committer({
      cluster,
      groupId,
      memberId,
      source: hooks,
      onFailure: (attempt, error) => {
        this.#fail("commit", undefined, attempt, error);
      },
    });
    const held = (this.#held = { runs, committer });
    const working = new Set(
      [...(previous?.runs ?? [])].filter(([, run]) => run.isBusy()).map(([id]) => runs.get(id)),
    );
    this.#abandon(previous);
    const lost = [...(previous?.runs ?? [])].filter(([at]) => !runs.has(at)).map(([, run]) => run);
    try {
      if (lost.length > 0) hooks.onRevoked(lost);
    } catch (error) {
      this.#fail("guard", undefined, 1, error);
    }
    // A handler that is slow to return holds up its own partition only.
    const idle = [...runs.values()].filter((run) => !working.has(run));
    for (const group of [idle, ...[...runs.values()].filter((run) => working.has(run)).map((run) => [run])])
      if (group.length > 0) void this.#guardRuns(held, group);
  }

  #pauseFetches(partitions: readonly TopicPartition[]): void {
    this.#consumer.pause(partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })));
  }

  #newRun(at: TopicPartition, previous: PartitionRun | undefined): PartitionRun {
    return new PartitionRun(at, {
      previous,
      groupId: this.#options.groupId,
      handler: this.#options.handler,
      onDone: (run) => {
        this.#held?.committer.mark(run);
      },
      onFailure: (run, attempt, error) => {
        this.#fail("handler", run, attempt, error);
      },
    });
  }

  #abandon(held: Held | undefined): void {
    if (held === undefined) return;
    for (const run of held.runs.values()) run.stop();
    this.#committed = Promise.all([this.#committed, held.committer.close()]);
  }

  /** Compares partitions with the broker until it succeeds, tells the owner, then begins each of them. */
  async #guardRuns(
    held: Held,
    runs: readonly PartitionRun[],
    remembered?: ReadonlyMap<TopicPartition, KnownPosition>,
  ): Promise<void> {
    for (let attempt = 1; this.#holds(held); attempt += 1) {
      try {
        // The last commit of the previous assignment must be on the broker before it is read from there.
        await this.#committed;
        await Promise.all(runs.map((run) => run.settled));
        const positions = await this.#compare(remembered ?? (await this.#committedOf(runs)));
        if (!this.#holds(held)) return;
        await this.#options.hooks.onAssigned(positions);
        for (const position of positions) void this.#begin(held, position);
        return;
      } catch (error) {
        this.#fail("guard", undefined, attempt, error);
        await this.#wait(retryMs);
      }
    }
  }

  async #begin(held: Held, guarded: GuardedPosition): Promise<void> {
    const { topic, partition, position, gap, committed, metadata } = guarded;
    const run = held.runs.get(key(topic, partition));
    for (let attempt = 1; run !== undefined && this.#holds(held) && !run.isStopped(); attempt += 1) {
      try {
        if (gap !== undefined)
          await this.#options.hooks.onGap({ topic, partition, reason: gap, committed, position });
        if (!this.#holds(held) || run.isStopped()) return;
        run.begin(guarded);
        this.#consumer.seek({ topic, partition, offset: position.toString() });
        this.#consumer.resume([{ topic, partitions: [partition] }]);
        if (gap !== undefined || committed !== position || metadata === undefined) held.committer.mark(run);
        return;
      } catch (error) {
        this.#fail("guard", guarded, attempt, error);
        await this.#wait(retryMs);
      }
    }
  }

  /** Guards one partition again, from memory: kafkajs overwrites the commit when an offset is out of range. */
  #guardAgain(held: Held, run: PartitionRun): void {
    const { topic, partition, done, ts } = run;
    const { hooks } = this.#options;
    this.#pauseFetches([run]);
    run.stop();
    const next = this.#newRun(run, run);
    held.runs.set(key(topic, partition), next);
    const metadata = { topo: hooks.topology(), ts, miss: hooks.missed(run) };
    void this.#guardRuns(held, [next], new Map([[next, { committed: done, metadata, anchor: run.anchor }]]));
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const held = this.#held;
    const run = held?.runs.get(key(batch.topic, batch.partition));
    const last = batch.messages.at(-1);
    if (held === undefined || last === undefined || run?.phase !== "reading" || !this.#holds(held)) return;
    try {
      if (fetchedOffset(batch) !== run.position) {
        this.#guardAgain(held, run);
        return;
      }
      const end = BigInt(batch.lastOffset()) + 1n;
      const high = BigInt(batch.highWatermark);
      const taken = await run.offer({ messages: batch.messages, end, high }, patienceMs);
      if (!this.#holds(held) || run.isStopped()) return;
      if (taken) payload.resolveOffset(last.offset);
      else this.#pauseUntilSettled(held, run);
    } catch (error) {
      this.#fail("session", run, 1, error);
    }
  }

  #pauseUntilSettled(held: Held, run: PartitionRun): void {
    this.#pauseFetches([run]);
    void run.settled.then(() => {
      if (!this.#holds(held) || run.isStopped()) return;
      this.#consumer.resume([{ topic: run.topic, partitions: [run.partition] }]);
    });
  }

  /** A topic deleted and made again raises no event in kafkajs, and an idle partition never notices anything. */
  async #checkPeriodically(): Promise<void> {
    for (;;) {
      await this.#wait(this.#options.settings.checkIntervalMs);
      const held = this.#held;
      if (this.#stopping.signal.aborted) return;
      const runs = [...(held?.runs.values() ?? [])].filter(({ phase }) => phase === "reading");
      if (held === undefined || runs.length === 0) continue;
      // Captured first: if the anchor still holds afterwards, what was read before is of the same topic.
      const read = new Map(runs.map((run) => [run, run.readAnchor]));
      const known = new Map(
        runs.map((run) => [
          run,
          { committed: run.position, metadata: { topo: "", ts: undefined, miss: {} }, anchor: run.anchor },
        ]),
      );
      try {
        for (const { topic, partition, gap, high } of await this.#compare(known)) {
          const run = held.runs.get(key(topic, partition));
          if (!this.#holds(held) || run?.phase !== "reading" || !read.has(run)) continue;
          if (gap !== undefined) this.#guardAgain(held, run);
          else {
            run.anchor = read.get(run);
            run.seeHigh(high);
          }
        }
      } catch (error) {
        this.#fail("check", undefined, 1, error);
      }
    }
  }

  async #committedOf(runs: readonly PartitionRun[]): Promise<Map<TopicPartition, KnownPosition>> {
    const committed = await this.#guard.committed(runs);
    return new Map(
      runs.map((run) => {
        const { committed: offset, metadata } = committed.get(run) ?? {};
        return [run, { committed: offset, metadata, anchor: run.anchor }];
      }),
    );
  }

  async #compare(known: ReadonlyMap<TopicPartition, KnownPosition>): Promise<GuardedPosition[]> {
    if (this.#cluster === undefined) throw new Error("no cluster before the consumer exists");
    return this.#guard.compare(this.#cluster, known, Date.now());
  }

  async #release(): Promise<void> {
    this.#abandon(this.#held);
    const runs = [...(this.#held?.runs.values() ?? [])];
    const returned = Promise.all([this.#committed, ...runs.map((run) => run.settled)]);
    await atMost(this.#options.settings.drainTimeoutMs, returned);
    this.#held = undefined;
    if (runs.length > 0) this.#options.hooks.onRevoked(runs);
  }

  #holds(held: Held): boolean {
    return held === this.#held && !this.#stopping.signal.aborted;
  }

  #owned(): Assignment {
    const owned: Assignment = {};
    for (const { topic, partition } of this.#held?.runs.values() ?? []) (owned[topic] ??= []).push(partition);
    return owned;
  }

  #wait(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
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

function key(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** kafkajs's type leaves it out: the offset that the fetch asked for. */
function fetchedOffset(batch: Batch): bigint | undefined {
  return "fetchedOffset" in batch && typeof batch.fetchedOffset === "string"
    ? BigInt(batch.fetchedOffset)
    : undefined;
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const waited = new AbortController();
  await Promise.race([work, delay(ms, undefined, { signal: waited.signal }).catch(() => undefined)]);
  waited.abort();
}

import { setTimeout as delay } from "node:timers/promises";
import type {
  Admin,
  Batch,
  Cluster,
  Consumer,
  ConsumerGroupJoinEvent,
  EachBatchPayload,
  Kafka,
} from "kafkajs";
import { createAssigner } from "./assigner.ts";
import { Holding } from "./holding.ts";
import type { Anchors } from "./partition-run.ts";
import { PositionGuard } from "./position-guard.ts";
import type { ConsumerSettings } from "./settings.ts";
import type {
  BatchHandler,
  ConsumerHooks,
  PartitionPosition,
  PartitionStatus,
  TopicPartition,
} from "./types.ts";
import { unreadableIn } from "./unreadable-batch.ts";

/** How long a fetched batch waits for the one in hand before its partition is paused and fetched again later. */
const patienceMs = 100;
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
  /** Of earlier sessions, too: kafkajs gives up when a topic is deleted, and its offsets are deleted with it. */
  readonly anchors: Anchors;
}

/**
 * One kafkajs consumer from its connection to its end, with fixed topics (subscribe while running throws). What a
 * rebalance gives is a Holding; a batch is handed to its partition's run and never throws into kafkajs, which
 * would stop the fetches of all partitions.
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
  #holding: Holding | undefined;
  #unfinished: readonly PartitionPosition[] | undefined;

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
          owned: () => this.#holding?.owned ?? {},
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

  /**
   * Waits a drain time for the batches in hand, another for their commits, abandons the rest, and leaves the group;
   * the last takes as long as the broker does, or as kafkajs tries.
   */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    if (this.#holding !== undefined) {
      const { drainTimeoutMs } = this.#options.settings;
      this.#holding.finish();
      await atMost(drainTimeoutMs, this.#holding.settled);
      await atMost(drainTimeoutMs, this.#holding.committer.flush());
      this.#unfinished = this.unfinished;
      // Handlers that are still at it hear of it now: what they send would hold up the end of their clients.
      void this.#holding.end();
    }
    // A disconnect during a join leaves a member that nobody stops.
    await this.#joined?.catch(() => undefined);
    await this.#consumer.disconnect().catch((error: unknown) => {
      this.#fail(undefined, error);
    });
    this.#end("stopped");
  }

  recommit(partition: TopicPartition): void {
    const run = this.#holding?.run(partition);
    if (run?.phase === "reading") this.#holding?.committer.mark(run);
  }

  /** What a stop leaves to be read again, from these positions or from before. */
  get unfinished(): readonly PartitionPosition[] {
    const runs = this.#holding?.unfinished ?? [];
    return (
      this.#unfinished ?? runs.map(({ topic, partition, done }) => ({ topic, partition, position: done }))
    );
  }

  get partitions(): PartitionStatus[] {
    return this.#holding?.runs.map((run) => run.status) ?? [];
  }

  async #join(): Promise<void> {
    const consumer = this.#consumer;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#assigned(payload);
    });
    consumer.on(consumer.events.HEARTBEAT, ({ payload }) => {
      this.#holding?.committer.learnGeneration(payload.memberId, payload.groupGenerationId);
    });
    consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) this.#holding?.run(payload)?.skipTo(BigInt(payload.lastOffset) + 1n);
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
    const assigned = Object.entries(memberAssignment);
    this.#consumer.pause(assigned.map(([topic, partitions]) => ({ topic, partitions })));
    if (this.#stopping.signal.aborted || this.#cluster === undefined) return;
    const partitions = assigned.flatMap(([topic, list]) => list.map((partition) => ({ topic, partition })));
    const { groupId, handler, hooks, anchors } = this.#options;
    this.#holding = new Holding(
      {
        consumer: this.#consumer,
        cluster: this.#cluster,
        guard: this.#guard,
        groupId,
        handler,
        hooks,
        anchors,
      },
      memberId,
      partitions,
      this.#holding,
    );
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const holding = this.#holding;
    const run = holding?.run(batch);
    const last = batch.messages.at(-1);
    if (holding === undefined || last === undefined || run?.phase !== "reading" || holding.isOver()) return;
    try {
      if (fetchedOffset(batch) !== run.position) {
        holding.guardAgain(run);
        return;
      }
      const end = BigInt(batch.lastOffset()) + 1n;
      const high = BigInt(batch.highWatermark);
      const unreadable = unreadableIn(batch.messages);
      if (unreadable !== undefined) {
        holding.passUnreadable(run, unreadable, high);
        return;
      }
      const taken = await run.offer({ messages: batch.messages, end, high }, patienceMs);
      if (holding.isOver() || run.isStopped()) return;
      if (taken) payload.resolveOffset(last.offset);
      else holding.pauseUntilSettled(run);
    } catch (error) {
      this.#fail({ topic: batch.topic, partition: batch.partition }, error);
    }
  }

  async #checkPeriodically(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await delay(this.#options.settings.checkIntervalMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#holding?.check();
    }
  }

  async #release(): Promise<void> {
    const holding = this.#holding;
    if (holding === undefined) return;
    await atMost(this.#options.settings.drainTimeoutMs, Promise.all([holding.end(), holding.settled]));
    this.#holding = undefined;
    if (holding.runs.length > 0) this.#options.hooks.onRevoked(holding.runs);
  }

  #fail(partition: TopicPartition | undefined, error: unknown): void {
    this.#options.hooks.onFailure({ step: "session", partition, attempt: 1, error });
  }
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

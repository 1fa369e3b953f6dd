import { setTimeout as delay } from "node:timers/promises";
import { type Admin, type Kafka } from "kafkajs";
import { KafkaJSError } from "./kafkajs-values.ts";
import type { Anchors } from "./partition-run.ts";
import { Session } from "./session.ts";
import { type ConsumerSettings, defaultConsumerSettings } from "./settings.ts";
import type {
  BatchHandler,
  ConsumerHooks,
  PartitionPosition,
  PartitionStatus,
  TopicPartition,
} from "./types.ts";

const backoffMs = { first: 250, most: 5_000 };

/**
 * idle: not started. joining: no assignment yet, or again after a failure. running: partitions are read or guarded.
 * crashed: gave up for good, liveness has to fail. closed: as asked.
 */
export type ConsumerState = "idle" | "joining" | "running" | "crashed" | "closed";

/** What a consumer reads, for which group, and who is asked and told. */
export interface BatchConsumerOptions {
  /** A client of its own: kafkajs shares committed offsets between the consumers of one client. */
  readonly kafka: Kafka;
  /** `consumerGroupId(deployment, pool)`. */
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Hard TTL in ms of the longest-lived value of the pool; asked at each comparison. */
  readonly longestHardTtlMs: () => number;
  readonly hooks: ConsumerHooks;
  readonly settings?: Partial<ConsumerSettings>;
}

/** `freshet.<deployment>.<pool>`: one group per pool, so that a slow or dead pool holds back nobody else. */
export function consumerGroupId(deployment: string, pool: string): string {
  return `freshet.${deployment}.${pool}`;
}

/**
 * Reads topics in batches for one consumer group, at least once and in order per partition, and commits only what
 * the handler says is done. Survives what may pass (a new session with back-off); `state` tells what does not.
 */
export class BatchConsumer {
  readonly groupId: string;
  readonly #options: BatchConsumerOptions;
  readonly #admin: Admin;
  readonly #closing = new AbortController();
  readonly #anchors: Anchors = new Map();
  #topics: readonly string[];
  #session: Session | undefined;
  #running: Promise<void> | undefined;
  #state: ConsumerState = "idle";

  constructor(options: BatchConsumerOptions) {
    this.#options = options;
    this.groupId = options.groupId;
    this.#topics = options.topics;
    this.#admin = options.kafka.admin();
  }

  /** Begins to read; returns at once, so that a service starts while its broker is away. See `state`. */
  start(handler: BatchHandler): void {
    this.#running ??= this.#run(handler);
  }

  /** Reads these topics from now on; resolves when the old session has committed and left. */
  async setTopics(topics: readonly string[]): Promise<void> {
    this.#topics = topics;
    await this.#session?.stop();
  }

  /** Commits the partition's marks (`hooks.missed`) again although no event came. */
  recommit(partition: TopicPartition): void {
    this.#session?.recommit(partition);
  }

  get state(): ConsumerState {
    return this.#state === "joining" && this.partitions.length > 0 ? "running" : this.#state;
  }

  get topics(): readonly string[] {
    return this.#topics;
  }

  get partitions(): PartitionStatus[] {
    return this.#session?.partitions ?? [];
  }

  /** What a stop leaves to be read again, from these positions or from before. */
  get unfinished(): readonly PartitionPosition[] {
    return this.#session?.unfinished ?? [];
  }

  /**
   * Waits for what is in hand and its commit, each for the drain time, and leaves the group; nothing is delivered
   * afterwards. While no broker answers, leaving takes as long as kafkajs tries, which can be a minute: bound it.
   * Nothing is lost by a process that ends meanwhile; `unfinished` tells what is read again.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#session?.stop();
    await this.#running;
    this.#state = "closed";
  }

  async #run(handler: BatchHandler): Promise<void> {
    this.#state = "joining";
    for (let attempt = 1; !this.#closing.signal.aborted; attempt += 1) {
      const startedMs = Date.now();
      const failure = await this.#runSession(handler);
      if (failure === undefined) {
        attempt = 0;
        continue;
      }
      this.#options.hooks.onFailure({ step: "session", partition: undefined, attempt, error: failure });
      if (!isTransient(failure)) {
        this.#state = "crashed";
        this.#options.hooks.onGivenUp?.(failure);
        break;
      }
      if (Date.now() - startedMs > backoffMs.most) attempt = 1;
      const waitMs = Math.min(backoffMs.first * 2 ** (attempt - 1), backoffMs.most);
      await delay(waitMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
    await this.#admin.disconnect().catch(() => undefined);
  }

  async #runSession(handler: BatchHandler): Promise<unknown> {
    const { kafka, groupId, longestHardTtlMs, hooks } = this.#options;
    try {
      await this.#admin.connect();
    } catch (error) {
      return error;
    }
    if (this.#closing.signal.aborted) return undefined;
    const settings = { ...defaultConsumerSettings, ...this.#options.settings };
    const admin = this.#admin;
    this.#session = new Session({
      kafka,
      admin,
      groupId,
      topics: this.#topics, // as they are now: from here on setTopics ends this session
      settings,
      longestHardTtlMs,
      hooks,
      handler,
      anchors: this.#anchors,
    });
    const end = await this.#session.run();
    return end === "stopped" ? undefined : end.crashed;
  }
}

/** What another session may survive. kafkajs calls a coordinator or broker that can't be found non-retriable. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const passing = [
    "KafkaJSNumberOfRetriesExceeded",
    "KafkaJSGroupCoordinatorNotFound",
    "KafkaJSNoBrokerAvailableError",
    "KafkaJSBrokerNotFound",
    "KafkaJSConnectionError",
    "KafkaJSConnectionClosedError",
  ];
  if (passing.includes(error.name)) return true;
  if (error.cause instanceof Error) return isTransient(error.cause);
  return error instanceof KafkaJSError && error.retriable;
}

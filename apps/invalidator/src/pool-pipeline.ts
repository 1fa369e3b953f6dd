import { type BulkInvalidator, type CachePool, RateLimit } from "@freshet/cache";
import type { Pool } from "@freshet/contracts";
import type { PoolGraph } from "@freshet/dependency-graph";
import {
  BatchConsumer,
  consumerGroupId,
  createKafka,
  type DeadLetters,
  type KafkaLog,
  RecordReader,
} from "@freshet/kafka";
import type { Logger } from "@freshet/observability";
import type { InvalidatorConfig } from "./config.ts";
import type { Pauses } from "./control/pauses.ts";
import { CatchUp } from "./nodes/catch-up.ts";
import { LiveFirst } from "./nodes/live-first.ts";
import { MissedOffsets, topicPartition } from "./nodes/missed-offsets.ts";
import { NodeWatch } from "./nodes/node-watch.ts";
import { createPoolNodes } from "./nodes/pool-nodes.ts";
import type { InvalidatorMetrics } from "./operator/metrics.ts";
import { PoolReport } from "./operator/report.ts";
import type { Owners } from "./owners/owners.ts";
import { Renewer } from "./owners/renew.ts";
import { RecentBatches } from "./page/recent.ts";
import { CommitHooks } from "./pipeline/commit.ts";
import { PlanExecutor } from "./pipeline/execute.ts";

/** What the pipelines of all pools use. */
export interface Shared {
  readonly config: InvalidatorConfig;
  readonly letters: DeadLetters;
  readonly owners: Owners;
  readonly metrics: InvalidatorMetrics;
  readonly logger: Logger;
  readonly kafkaLog: KafkaLog;
  readonly pauses: Pauses;
  /** A consumer has given up for good. */
  readonly onGivenUp: (error: unknown) => void;
}

/** Everything that one pool has for itself: a slow or dead pool holds back nobody else. */
export class PoolPipeline {
  readonly name: string;
  readonly settings: Pool;
  readonly consumer: BatchConsumer;
  readonly executor: PlanExecutor;
  readonly nodes: BulkInvalidator;
  readonly watch: NodeWatch;
  readonly missed = new MissedOffsets();
  readonly live = new LiveFirst();
  readonly recent = new RecentBatches();
  readonly report: PoolReport;
  /** Keys that one event may expand to before they are deleted slice by slice. */
  readonly sliceKeys: number;
  readonly #closing = new AbortController();
  readonly #pauses: Pauses;
  readonly #owners: Owners;
  readonly #refreshed: CachePool;
  #graph: PoolGraph;
  #longestHardTtlSeconds = 0;

  /**
   * Wired; nothing is connected yet.
   * @throws FreshetError CACHE_NODES_INVALID
   */
  constructor(name: string, settings: Pool, graph: PoolGraph, shared: Shared) {
    const { config, letters, owners, kafkaLog } = shared;
    const { missed, live } = this;
    this.name = name;
    this.settings = settings;
    this.#owners = owners;
    this.#pauses = shared.pauses;
    this.#graph = graph;
    this.report = new PoolReport(name, shared.metrics, shared.logger);
    const { report } = this;
    const environment = config.nodesOf(name);
    const mostPerSecond = environment.maxDeletesPerSecond ?? settings.maxDeletesPerSecond;
    const { nodes, refreshed } = createPoolNodes(settings, environment, config.deleteProtocol);
    this.nodes = nodes;
    this.#refreshed = refreshed;
    // kafkajs shares committed offsets between the consumers of one client: each pool has its own.
    const kafka = createKafka({ ...config.kafka, clientId: `freshet-invalidator-${name}` }, kafkaLog);
    const untilUnpaused = async (signal: AbortSignal) => {
      if (!(await this.unpaused(signal))) throw new Error("the pool is paused: left to the next start");
    };
    const longestHardTtlMs = () => this.#longestHardTtlSeconds * 1_000;
    this.consumer = new BatchConsumer({
      kafka,
      groupId: consumerGroupId(config.deployment, name),
      topics: graph.topics,
      // A third of the whole stop for the batches in hand, one for their commits, one for leaving the group.
      settings: { drainTimeoutMs: config.stopTimeoutMs / 3 },
      longestHardTtlMs,
      hooks: new CommitHooks({
        nodes,
        missed,
        report,
        onGap: settings.onGap,
        unpaused: () => untilUnpaused(this.#closing.signal),
        onGivenUp: shared.onGivenUp,
      }),
    });
    const ceiling = new RateLimit(mostPerSecond, (waitMs) => {
      report.waited(waitMs);
    });
    const catchUp = new CatchUp({
      nodes,
      missed,
      live,
      ceiling,
      unpaused: untilUnpaused,
      dedicated: settings.dedicated,
      mostEvents: config.catchUpEvents,
      sliceKeys: config.sliceKeys,
      graph: () => this.#graph,
      longestHardTtlMs,
      partitions: () => this.consumer.partitions,
      createReader: () => new RecordReader(kafka),
      recommit: (partition) => {
        this.consumer.recommit(topicPartition(partition));
      },
      onSlice: (slice) => {
        report.replayed(slice);
      },
    });
    this.watch = new NodeWatch({
      nodes,
      missed,
      catchUp,
      onEvent: (event) => {
        report.nodeEvent(event);
      },
    });
    const renewer = new Renewer({ pool: refreshed, owners, watch: this.watch, ceiling });
    this.executor = new PlanExecutor({
      pool: name,
      nodes,
      watch: this.watch,
      missed,
      letters,
      renewer,
      onSlice: (progress) => {
        report.slice(progress);
      },
      ceiling,
    });
    this.sliceKeys = config.sliceKeys;
    this.#take(graph);
  }

  /** Since when the pool is paused, in ms since 1970; undefined: it is not. */
  get pausedSinceMs(): number | undefined {
    return this.#pauses.sinceMs(this.name);
  }

  /** Resolves when the pool is not paused, with false when the process ends before; rejects at `signal`. */
  async unpaused(signal: AbortSignal): Promise<boolean> {
    return await this.#pauses.pass(this.name, signal);
  }

  /** What batches are planned with; each batch with one graph from its beginning to its end. */
  get graph(): PoolGraph {
    return this.#graph;
  }

  /**
   * Plans with another graph from the next batch on, and reads its topics. A topic that is new is read from what is
   * committed for it, or from its lowest record: what was published before the new graph is not lost.
   */
  async adopt(graph: PoolGraph): Promise<void> {
    this.#take(graph);
    const { topics } = this.consumer;
    if (JSON.stringify(topics) !== JSON.stringify(graph.topics)) await this.consumer.setTopics(graph.topics);
  }

  /** Drops what nodes had missed before this time, also from the commits; answers in how many partitions. */
  settleMarks(beforeMs: number): number {
    const partitions = this.missed.settleBefore(beforeMs);
    for (const partition of partitions) this.consumer.recommit(topicPartition(partition));
    return partitions.length;
  }

  /** Ends the connections to memcached, after the consumer is closed. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.watch.stop();
    this.nodes.close();
    this.#refreshed.close();
  }

  #take(graph: PoolGraph): void {
    this.#graph = graph;
    // What was cached under a longer life of an earlier graph may still be there.
    this.#longestHardTtlSeconds = Math.max(this.#longestHardTtlSeconds, graph.longestHardTtlSeconds);
    const views = [...graph.views.values()].filter(({ refreshPath }) => refreshPath !== undefined);
    this.report.notRefreshed(
      views.filter(({ service }) => !this.#owners.renews(service)),
      this.#owners.settings.on,
    );
  }
}

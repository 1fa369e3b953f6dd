import type { BulkInvalidator, CachePool } from "@freshet/cache";
import { FreshetError } from "@freshet/contracts";
import type { PoolGraph } from "@freshet/dependency-graph";
import { BatchConsumer, consumerGroupId, createKafka, type DeadLetters, type KafkaLog } from "@freshet/kafka";
import type { Logger } from "@freshet/observability";
import type { InvalidatorConfig } from "./config.ts";
import type { LoadedManifests } from "./manifests/load.ts";
import { MissedOffsets, topicPartition } from "./nodes/missed-offsets.ts";
import { NodeWatch } from "./nodes/node-watch.ts";
import { createPoolNodes } from "./nodes/pool-nodes.ts";
import type { InvalidatorMetrics } from "./operator/metrics.ts";
import { PoolReport } from "./operator/report.ts";
import type { Owners } from "./owners/owners.ts";
import { CommitHooks } from "./pipeline/commit.ts";
import { PlanExecutor } from "./pipeline/execute.ts";
import { Renewer } from "./owners/renew.ts";

/** Everything that one pool has for itself: a slow or dead pool holds back nobody else. */
export interface PoolPipeline {
  readonly name: string;
  readonly graph: PoolGraph;
  readonly consumer: BatchConsumer;
  readonly executor: PlanExecutor;
  readonly nodes: BulkInvalidator;
  readonly refreshed: CachePool;
  readonly watch: NodeWatch;
  readonly missed: MissedOffsets;
  readonly report: PoolReport;
}

/** The pools of this process, found by the consumer group of a batch. */
export class PoolPipelines {
  readonly all: readonly PoolPipeline[];
  readonly #byGroup: ReadonlyMap<string, PoolPipeline>;

  constructor(pipelines: readonly PoolPipeline[]) {
    this.all = pipelines;
    this.#byGroup = new Map(pipelines.map((pipeline) => [pipeline.consumer.groupId, pipeline]));
  }

  ofGroup(groupId: string): PoolPipeline {
    const pipeline = this.#byGroup.get(groupId);
    if (pipeline === undefined) throw new Error(`no pool has the consumer group ${groupId}`);
    return pipeline;
  }
}

/**
 * Wires the pipelines of the pools that this process serves; nothing is connected yet.
 * @throws FreshetError CACHE_NODES_INVALID, MANIFEST_INVALID for a pool that pools.yaml does not list
 */
export function createPools(
  config: InvalidatorConfig,
  { graph, pools }: LoadedManifests,
  shared: {
    letters: DeadLetters;
    owners: Owners;
    metrics: InvalidatorMetrics;
    logger: Logger;
    kafkaLog: KafkaLog;
  },
): PoolPipelines {
  const served = config.pools ?? Object.keys(pools);
  return new PoolPipelines(
    served.flatMap((name): PoolPipeline[] => {
      const settings = pools[name];
      if (settings === undefined)
        throw new FreshetError("MANIFEST_INVALID", `POOLS names ${name}, which pools.yaml does not list`);
      const pool = graph.pool(name);
      if (pool.topics.length === 0) return []; // no view lives there
      const { onGap, dedicated } = settings;
      const report = new PoolReport(name, shared.metrics, shared.logger);
      const missed = new MissedOffsets();
      const { nodes, refreshed } = createPoolNodes(settings, config.nodesOf(name));
      const consumer: BatchConsumer = new BatchConsumer({
        // kafkajs shares committed offsets between the consumers of one client: each pool has its own.
        kafka: createKafka({ ...config.kafka, clientId: `freshet-invalidator-${name}` }, shared.kafkaLog),
        groupId: consumerGroupId(config.deployment, name),
        topics: pool.topics,
        longestHardTtlMs: () => pool.longestHardTtlSeconds * 1_000,
        hooks: new CommitHooks({ nodes, missed, report, onGap }),
      });
      const watch = new NodeWatch({
        nodes,
        missed,
        dedicated,
        onEvent: (event) => {
          report.nodeEvent(event);
        },
        recommit: (partitions) => {
          for (const partition of partitions) consumer.recommit(topicPartition(partition));
        },
      });
      const { letters, owners } = shared;
      report.notRefreshed(
        [...pool.views.values()].filter(
          ({ refreshPath, service }) => refreshPath !== undefined && !owners.renews(service),
        ),
        owners.settings.on,
      );
      const renewer = new Renewer({ pool: refreshed, owners, watch });
      const executor = new PlanExecutor({ pool: name, nodes, watch, missed, letters, renewer });
      return [{ name, graph: pool, consumer, executor, nodes, refreshed, watch, missed, report }];
    }),
  );
}

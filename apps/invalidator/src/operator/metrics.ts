import type { PartitionStatus } from "@freshet/kafka";
import type { Metrics } from "@freshet/observability";
import type { Gauge } from "prom-client";
import type { ManifestReload } from "../manifests/reload.ts";
import { topicPartition } from "../nodes/missed-offsets.ts";
import type { PoolPipeline } from "../pool-pipeline.ts";
import type { PoolPipelines } from "../pools.ts";

/** How an event of a pool ended; together they account for every event that came in (I8). */
export type EventResult = "applied" | "superseded" | "unaffected" | "dead-lettered";

// From half a millisecond to a minute; the objective is 50 ms.
const secondsBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Every metric of the invalidator. Names are public: docs/metrics.md lists them. */
export function invalidatorMetrics(metrics: Metrics) {
  return {
    events: metrics.counter({
      name: "freshet_events_total",
      help: "Events by how they ended: applied, superseded, unaffected or dead-lettered",
      labelNames: ["pool", "topic", "result"],
    }),
    deadLetters: metrics.counter({
      name: "freshet_dead_letters_total",
      help: "Events parked in the dead-letter topic, by reason",
      labelNames: ["pool", "topic", "reason"],
    }),
    foreignKeys: metrics.counter({
      name: "freshet_foreign_key_events_total",
      help: "Events whose Kafka key is missing or not their subject: processed, but without a promise of order",
      labelNames: ["pool", "topic"],
    }),
    effectUnknown: metrics.counter({
      name: "freshet_effect_unknown_total",
      help: "Undecodable events some of whose keys could not be worked out",
      labelNames: ["pool", "topic"],
    }),
    keys: metrics.counter({
      name: "freshet_keys_invalidated_total",
      help: "Keys sent to memcached and acknowledged, by node",
      labelNames: ["pool", "node", "action"],
    }),
    renewals: metrics.counter({
      name: "freshet_refreshes_total",
      help: "Keys that their view wants refreshed, by what became of them; most results are deletions",
      labelNames: ["pool", "view", "result"],
    }),
    slices: metrics.counter({
      name: "freshet_slices_total",
      help: "Slices done of events that expand to more than SLICE_KEYS keys",
      labelNames: ["pool", "topic"],
    }),
    keysMissed: metrics.counter({
      name: "freshet_keys_missed_total",
      help: "Keys that a node did not acknowledge; the commit metadata holds the oldest missed offset",
      labelNames: ["pool", "node"],
    }),
    commitToGone: metrics.batchHistogram({
      name: "freshet_commit_to_gone_seconds",
      help: "From the event's time (when the row was written) to memcached's acknowledgement, in seconds",
      labelNames: ["pool", "action"],
      buckets: secondsBuckets,
    }),
    batchSeconds: metrics.histogram({
      name: "freshet_batch_seconds",
      help: "From a batch's arrival to its acknowledgement by every node, in seconds",
      labelNames: ["pool"],
      buckets: secondsBuckets,
    }),
    gaps: metrics.counter({
      name: "freshet_gaps_total",
      help: "Times that events which this group should have seen can't be read any more, by reason",
      labelNames: ["pool", "topic", "reason"],
    }),
    topologyUnknown: metrics.counter({
      name: "freshet_topology_unknown_total",
      help: "Partitions taken over whose last commit was made under a node list that this process does not know",
      labelNames: ["pool"],
    }),
    nodesFlushed: metrics.counter({
      name: "freshet_nodes_flushed_total",
      help: "Flushes of a node, because it had missed too much or because of a gap",
      labelNames: ["pool", "node", "reason"],
    }),
    replayedEvents: metrics.counter({
      name: "freshet_catch_up_events_total",
      help: "Events replayed for a node that had missed them",
      labelNames: ["pool", "node"],
    }),
    replaySlices: metrics.histogram({
      name: "freshet_catch_up_slice_seconds",
      help: "How long a slice of a replay took, in seconds: the most that a live batch has waited for it",
      labelNames: ["pool"],
      buckets: secondsBuckets,
    }),
    ceilingWaited: metrics.counter({
      name: "freshet_delete_ceiling_waited_seconds_total",
      help: "How long deletes have waited for the pool's maxDeletesPerSecond, in seconds",
      labelNames: ["pool"],
    }),
    reloads: metrics.counter({
      name: "freshet_manifest_reloads_total",
      help: "Changes of the manifests folder: taken, refused, or restored to what runs",
      labelNames: ["result"],
    }),
  };
}

export type InvalidatorMetrics = ReturnType<typeof invalidatorMetrics>;

/** The gauge of the manifests folder. */
export function addManifestGauge(metrics: Metrics, reload: ManifestReload): void {
  metrics.gauge({
    name: "freshet_manifests_refused",
    help: "1 while the manifests folder holds a set that was refused, and an earlier one runs",
    collect() {
      this.set(reload.refusal === undefined ? 0 : 1);
    },
  });
}

/** The gauges that are read off the pools at each scrape. */
export function addPoolGauges(metrics: Metrics, pools: PoolPipelines): void {
  const ofPartitions = (
    gauge: Gauge<"pool" | "group" | "topic" | "partition">,
    value: (status: PartitionStatus) => number,
  ) => {
    gauge.reset(); // partitions that moved away are another replica's to report
    for (const { name: pool, consumer } of pools.all)
      for (const status of consumer.partitions)
        gauge.set(
          { pool, group: consumer.groupId, topic: status.topic, partition: status.partition },
          value(status),
        );
  };
  metrics.gauge({
    name: "freshet_lag_messages",
    help: "Messages of a partition not yet invalidated, for the partitions of this replica",
    labelNames: ["pool", "group", "topic", "partition"],
    collect() {
      ofPartitions(this, ({ offsetLag }) => Number(offsetLag));
    },
  });
  metrics.gauge({
    name: "freshet_lag_seconds",
    help: "Age of the oldest message of a partition not yet invalidated, in seconds",
    labelNames: ["pool", "group", "topic", "partition"],
    collect() {
      ofPartitions(this, ({ timeLagSeconds }) => timeLagSeconds);
    },
  });
  const ofNodes = (gauge: Gauge<"pool" | "node">, value: (pool: PoolPipeline, node: string) => number) => {
    gauge.reset(); // pools come and go with the manifests
    for (const pipeline of pools.all)
      for (const node of pipeline.nodes.nodes)
        gauge.set({ pool: pipeline.name, node }, value(pipeline, node));
  };
  metrics.gauge({
    name: "freshet_node_up",
    help: "1 while the node takes deletes, 0 while it is away",
    labelNames: ["pool", "node"],
    collect() {
      ofNodes(this, ({ watch }, node) => (watch.accepts(node) ? 1 : 0));
    },
  });
  metrics.gauge({
    name: "freshet_node_owed_partitions",
    help: "Partitions of which the node has missed invalidations",
    labelNames: ["pool", "node"],
    collect() {
      ofNodes(this, ({ missed }, node) => missed.partitionsOf(node).length);
    },
  });
  metrics.gauge({
    name: "freshet_node_unreadable_partitions",
    help: "Partitions whose records that the node has missed can't be read any more",
    labelNames: ["pool", "node"],
    collect() {
      ofNodes(this, ({ watch }, node) => watch.unreadableOf(node).length);
    },
  });
  metrics.gauge({
    name: "freshet_catch_up_events_left",
    help: "Events that are still to be replayed for the node, 0 while it is not being caught up",
    labelNames: ["pool", "node"],
    collect() {
      ofNodes(this, ({ watch }, node) => watch.progressOf(node)?.left ?? 0);
    },
  });
  metrics.gauge({
    name: "freshet_node_oldest_missed_offset",
    help: "Oldest offset of a partition whose deletions the node owes; there only while it owes some",
    labelNames: ["pool", "node", "topic", "partition"],
    collect() {
      this.reset();
      for (const { name: pool, nodes, missed } of pools.all)
        for (const node of nodes.nodes)
          for (const owed of missed.partitionsOf(node))
            this.set({ pool, node, ...topicPartition(owed) }, Number(missed.of(owed)[node]));
    },
  });
  metrics.gauge({
    name: "freshet_topology_info",
    help: "1 for each node list that this process deletes by: the current one, and the previous ones",
    labelNames: ["pool", "topology", "list"],
    collect() {
      this.reset();
      for (const { name: pool, nodes } of pools.all) {
        // A list that came back is current again, whatever else it is.
        for (const topology of nodes.previousTopologyHashes)
          if (topology !== nodes.topologyHash) this.set({ pool, topology, list: "previous" }, 1);
        this.set({ pool, topology: nodes.topologyHash, list: "current" }, 1);
      }
    },
  });
  metrics.gauge({
    name: "freshet_pool_paused_seconds",
    help: "For how long an operator has paused the pool in seconds, 0 while it is not paused",
    labelNames: ["pool"],
    collect() {
      this.reset();
      for (const { name: pool, pausedSinceMs } of pools.all)
        this.set({ pool }, pausedSinceMs === undefined ? 0 : (Date.now() - pausedSinceMs) / 1_000);
    },
  });
  metrics.gauge({
    name: "freshet_gaps_open",
    help: "Gaps that this process has found and that no flush has closed",
    labelNames: ["pool"],
    collect() {
      this.reset();
      for (const { name: pool, report } of pools.all)
        this.set({ pool }, report.gaps.filter(({ flushed }) => !flushed).length);
    },
  });
}

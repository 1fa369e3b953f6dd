import type { ManifestReload } from "../manifests/reload.ts";
import type { PoolPipeline } from "../pool-pipeline.ts";
import type { PoolPipelines } from "../pools.ts";
import type { ParkedEvents } from "./report.ts";

/** `GET /status`: how this replica stands, for people and scripts. Offsets are strings: they outgrow a number. */
export interface Status {
  readonly service: "invalidator";
  readonly manifests: {
    /** Of the set in force: equal for equal files. */
    readonly hash: string;
    readonly refused: { readonly message: string; readonly since: string } | null;
  };
  readonly pools: readonly PoolStatus[];
}

interface PoolStatus {
  readonly pool: string;
  readonly group: string;
  readonly state: string;
  readonly topics: readonly string[];
  readonly lagMessages: number;
  readonly lagSeconds: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly phase: string;
    readonly done: string;
    readonly high: string;
    readonly lagMessages: number;
    readonly lagSeconds: number;
    readonly failures: number;
  }[];
  readonly nodes: readonly {
    readonly node: string;
    readonly state: string;
    readonly missed: Readonly<Record<string, string>>;
  }[];
  readonly gaps: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly reason: string;
    readonly since: string;
    readonly flushed: boolean;
  }[];
  /** Events that this process has parked since it began. */
  readonly deadLetters: readonly ParkedEvents[];
}

export function statusOf(pools: PoolPipelines, { hash, refusal }: ManifestReload): Status {
  const refused = refusal && { message: refusal.message, since: new Date(refusal.sinceMs).toISOString() };
  return {
    service: "invalidator",
    manifests: { hash, refused: refused ?? null },
    pools: pools.all.map(poolStatus),
  };
}

function poolStatus({ name, consumer, nodes, watch, missed, report }: PoolPipeline): PoolStatus {
  const partitions = consumer.partitions.map((status) => ({
    topic: status.topic,
    partition: status.partition,
    phase: status.phase,
    done: status.done.toString(),
    high: status.high.toString(),
    lagMessages: Number(status.offsetLag),
    lagSeconds: status.timeLagSeconds,
    failures: status.failures,
  }));
  return {
    pool: name,
    group: consumer.groupId,
    state: consumer.state,
    topics: consumer.topics,
    lagMessages: partitions.reduce((sum, { lagMessages }) => sum + lagMessages, 0),
    lagSeconds: partitions.reduce((most, { lagSeconds }) => Math.max(most, lagSeconds), 0),
    partitions,
    nodes: nodes.nodes.map((node) => ({
      node,
      state: watch.stateOf(node),
      missed: Object.fromEntries(
        missed.partitionsOf(node).map((partition) => [partition, String(missed.of(partition)[node])]),
      ),
    })),
    gaps: report.gaps.map(({ topic, partition, reason, sinceMs, flushed }) => ({
      topic,
      partition,
      reason,
      since: new Date(sinceMs).toISOString(),
      flushed,
    })),
    deadLetters: report.deadLetters,
  };
}

import type { Check, Health } from "@freshet/observability";
import type { ManifestReload } from "../manifests/reload.ts";
import type { PoolPipeline } from "../pool-pipeline.ts";
import type { PoolPipelines } from "../pools.ts";

/**
 * Adds the checks of every pool that is served. Live: no consumer has given up for good. Ready: every consumer
 * reads; nodes that are away, debts and gaps are told in the detail, since restarting or taking traffic away would
 * mend none of them.
 */
export function addPoolChecks(health: Health, pools: PoolPipelines): void {
  health.live.addAll(() => pools.all.map((pool) => [`consumer-${pool.name}`, hasNotGivenUp(pool)]));
  health.ready.addAll(() =>
    pools.all.flatMap((pool): [string, Check][] => [
      [`consumer-${pool.name}`, reads(pool)],
      [`nodes-${pool.name}`, problemsOf(pool)],
    ]),
  );
}

/** Adds the check that tells of manifests which were refused: what runs is right, so that it never fails. */
export function addManifestCheck(health: Health, reload: ManifestReload): void {
  health.ready.add("manifests", () =>
    reload.refusal === undefined
      ? { ok: true }
      : {
          ok: true,
          detail: `set ${reload.hash} goes on, the folder's was refused: ${reload.refusal.message}`,
        },
  );
}

function hasNotGivenUp({ consumer }: PoolPipeline): Check {
  return () =>
    consumer.state === "crashed"
      ? {
          ok: false,
          detail: `the consumer of ${consumer.groupId} has given up: see the log, restart this process`,
        }
      : { ok: true };
}

function reads({ consumer }: PoolPipeline): Check {
  return () => {
    const guarding = consumer.partitions.some(({ phase }) => phase === "guarding");
    return consumer.state === "running" && !guarding
      ? { ok: true }
      : {
          ok: false,
          detail: `the consumer of ${consumer.groupId} is ${guarding ? "guarding" : consumer.state}`,
        };
  };
}

function problemsOf(pool: PoolPipeline): Check {
  const { consumer, nodes, watch, missed, report } = pool;
  return () => {
    const { pausedSinceMs } = pool;
    const problems = [
      ...(pausedSinceMs === undefined ? [] : [`paused since ${new Date(pausedSinceMs).toISOString()}`]),
      ...nodes.nodes.filter((node) => !watch.accepts(node)).map((node) => `${node} is away`),
      ...nodes.nodes
        .filter((node) => missed.partitionsOf(node).length > 0)
        .map((node) => {
          const left = watch.progressOf(node)?.left;
          if (left !== undefined) return `${node} is caught up, ${left} events to go`;
          const unreadable =
            watch.unreadableOf(node).length > 0 ? ", and they can't be replayed any more" : "";
          return `${node} has missed deletions${unreadable}`;
        }),
      ...report.gaps
        .filter(({ flushed }) => !flushed)
        .map(({ topic, partition, reason }) => `gap in ${topic}/${partition} (${reason})`),
      ...consumer.partitions
        .filter(({ recreationCheck, phase }) => phase === "reading" && !recreationCheck)
        .map(({ topic }) => `${topic} has no LogAppendTime: a re-created topic would not be noticed`),
    ];
    return problems.length === 0 ? { ok: true } : { ok: true, detail: [...new Set(problems)].join("; ") };
  };
}

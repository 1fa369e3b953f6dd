import type { Health } from "@freshet/observability";
import type { PoolPipelines } from "../pools.ts";

/**
 * Adds the checks of every pool. Live: no consumer has given up for good. Ready: every consumer reads; nodes that
 * are away, debts and gaps are told in the detail, since restarting or taking traffic away would mend none of them.
 */
export function addPoolChecks(health: Health, pools: PoolPipelines): void {
  for (const { name, consumer, nodes, watch, missed, report } of pools.all) {
    health.live.add(`consumer-${name}`, () =>
      consumer.state === "crashed"
        ? {
            ok: false,
            detail: `the consumer of ${consumer.groupId} has given up: see the log, restart this process`,
          }
        : { ok: true },
    );
    health.ready.add(`consumer-${name}`, () => {
      const guarding = consumer.partitions.some(({ phase }) => phase === "guarding");
      return consumer.state === "running" && !guarding
        ? { ok: true }
        : {
            ok: false,
            detail: `the consumer of ${consumer.groupId} is ${guarding ? "guarding" : consumer.state}`,
          };
    });
    health.ready.add(`nodes-${name}`, () => {
      const problems = [
        ...nodes.nodes.filter((node) => !watch.accepts(node)).map((node) => `${node} is away`),
        ...nodes.nodes
          .filter((node) => missed.partitionsOf(node).length > 0)
          .map((node) => `${node} has missed deletions`),
        ...report.gaps
          .filter(({ flushed }) => !flushed)
          .map(({ topic, partition, reason }) => `gap in ${topic}/${partition} (${reason})`),
        ...consumer.partitions
          .filter(({ recreationCheck, phase }) => phase === "reading" && !recreationCheck)
          .map(({ topic }) => `${topic} has no LogAppendTime: a re-created topic would not be noticed`),
      ];
      return problems.length === 0 ? { ok: true } : { ok: true, detail: [...new Set(problems)].join("; ") };
    });
  }
}

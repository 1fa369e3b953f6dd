import { type GroupLag, type GroupWatch, lagVerdicts } from "@freshet/kafka";
import type { Metrics } from "@freshet/observability";
import type { PoolPipelines } from "../pools.ts";

/**
 * The gauges of whole consumer groups, as the broker has them: every replica says the same of them, so that those of
 * a stalled or dead one show. A group that the broker did not answer for lately is left out.
 */
export function addGroupGauges(metrics: Metrics, pools: PoolPipelines, groups: GroupWatch): void {
  const looks = function* (): Generator<readonly [pool: string, look: GroupLag]> {
    for (const { name, consumer } of pools.all) {
      const look = groups.of(consumer.groupId);
      if (look !== undefined) yield [name, look];
    }
  };
  metrics.gauge({
    name: "freshet_group_lag_messages",
    help: "Messages of a partition that its group has not committed, for every partition of the group",
    labelNames: ["pool", "group", "topic", "partition"],
    collect() {
      this.reset();
      for (const [pool, { group, partitions }] of looks())
        for (const { topic, partition, lag } of partitions)
          this.set({ pool, group: group.groupId, topic, partition }, Number(lag));
    },
  });
  metrics.gauge({
    name: "freshet_group_members",
    help: "Replicas that read for a group, by the broker's list",
    labelNames: ["pool", "group"],
    collect() {
      this.reset();
      for (const [pool, { group }] of looks()) this.set({ pool, group: group.groupId }, group.members.length);
    },
  });
  metrics.gauge({
    name: "freshet_group_partitions",
    help: "Partitions of a group by what the last ten looks at them say: ok, warning, rewound, stalled or stopped",
    labelNames: ["pool", "group", "verdict"],
    collect() {
      this.reset();
      for (const [pool, { group, partitions }] of looks())
        for (const verdict of lagVerdicts) {
          const found = partitions.filter((at) => at.verdict === verdict);
          this.set({ pool, group: group.groupId, verdict }, found.length);
        }
    },
  });
}

import { describeGroups, groupLag } from "@freshet/kafka";
import type { Admin } from "kafkajs";
import type { GroupPosition } from "./late-step.ts";

/** Where a group stands in each partition of these topics, by "topic/partition". Rejects with kafkajs's error. */
export async function groupPositions(
  admin: Pick<Admin, "fetchOffsets" | "fetchTopicOffsets" | "describeGroups">,
  groupId: string,
  topics: readonly string[],
): Promise<Map<string, GroupPosition>> {
  if (topics.length === 0) return new Map();
  const [lags, [group]] = await Promise.all([
    groupLag(admin, groupId, topics),
    describeGroups(admin, [groupId]),
  ]);
  const members = group?.members.length ?? 0;
  return new Map(
    lags.map(({ topic, partition, committed, metadata }) => [
      `${topic}/${partition}`,
      { committed, metadata, members },
    ]),
  );
}

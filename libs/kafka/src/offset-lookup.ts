import type { Cluster } from "kafkajs";
import type { TopicPartition } from "./types.ts";

/** What a partition is asked for: its lowest offset, its end, or the first record appended at or after a time. */
export type WantedOffset = { readonly fromBeginning: boolean } | { readonly fromTimestamp: number };

/** The offsets as a look-up; undefined where no record is at or after the timestamp. */
export type OffsetOf = (at: TopicPartition) => bigint | undefined;

/** Asks the leaders for one offset of each partition; rejects with kafkajs's error. */
export async function lookUpOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  wanted: WantedOffset,
): Promise<OffsetOf> {
  const answers = await cluster.fetchTopicsOffset(
    topicsOf(partitions).map((topic) => ({
      topic,
      partitions: partitions.filter((at) => at.topic === topic).map(({ partition }) => ({ partition })),
      ...wanted,
    })),
  );
  return (at) => {
    const offset = answers
      .find(({ topic }) => topic === at.topic)
      ?.partitions.find(({ partition }) => partition === at.partition)?.offset;
    return offset === undefined || BigInt(offset) < 0n ? undefined : BigInt(offset);
  };
}

export function topicsOf(partitions: readonly TopicPartition[]): string[] {
  return [...new Set(partitions.map(({ topic }) => topic))];
}

import type { Admin } from "kafkajs";
import { ConfigResourceTypes } from "./kafkajs-values.ts";

/** A topic as the broker has it. */
export interface TopicDescription {
  readonly topic: string;
  readonly partitions: readonly {
    readonly partition: number;
    /** undefined: nobody leads it now. */
    readonly leader: number | undefined;
    readonly replicas: number;
    readonly inSync: number;
  }[];
  /** The settings that were asked for; one that the broker does not know is left out. */
  readonly config: ReadonlyMap<string, string>;
}

/** Topics that are there, with these of their settings, in their order; rejects with kafkajs's error. */
export async function describeTopics(
  admin: Pick<Admin, "fetchTopicMetadata" | "describeConfigs">,
  names: readonly string[],
  settings: readonly string[],
): Promise<TopicDescription[]> {
  if (names.length === 0) return [];
  const [{ topics }, { resources }] = await Promise.all([
    admin.fetchTopicMetadata({ topics: [...names] }),
    admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configNames: [...settings],
      })),
    }),
  ]);
  return names.map((topic) => ({
    topic,
    partitions: (topics.find(({ name }) => name === topic)?.partitions ?? []).map(
      ({ partitionId, leader, replicas, isr }) => ({
        partition: partitionId,
        leader: leader < 0 ? undefined : leader,
        replicas: replicas.length,
        inSync: isr.length,
      }),
    ),
    config: new Map(
      (resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? []).map(
        ({ configName, configValue }) => [configName, configValue] as const,
      ),
    ),
  }));
}

import { inject } from "vitest";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { uniqueName } from "./names.ts";

interface TopicOptions {
  numPartitions?: number;
  /** Topic settings that differ from production's, such as `message.timestamp.type`. */
  settings?: Record<string, string>;
  brokers?: string[];
}

/** Creates a topic of the spec's own, with its dead-letter topic `<name>.dlt`, and answers its name. */
export async function freshTopic({
  brokers = inject("kafkaBrokers"),
  numPartitions = 12,
  settings = {},
}: TopicOptions = {}): Promise<string> {
  const topic = uniqueName("topic");
  await ensureTopics(brokers, [topic], { partitions: numPartitions, config: settings });
  return topic;
}

import { setTimeout as delay } from "node:timers/promises";
import { type Admin } from "kafkajs";
import { deadLetterTopic } from "./dead-letter.ts";
import { describeTopics } from "./describe-topics.ts";

const mebibyte = 1_048_576;
const dayMs = 86_400_000;
/** Kafka's own default for max.message.bytes: 1 MiB and the overhead of a record batch. */
const defaultMaxMessageBytes = mebibyte + 12;
/** Room for our headers on a message that was just small enough for its topic. */
export const deadLetterMarginBytes = 64 * 1_024;
/** How long a new topic may take until it has leaders, and how often that is asked. */
const leadersTimeoutMs = 30_000;
const leadersPollMs = 50;

/** How a topic of change events has to be; its dead-letter topic follows from it. */
export interface TopicSpec {
  readonly topic: string;
  readonly partitions?: number;
  readonly replicationFactor?: number;
  /** Must exceed the longest hard TTL of any view. */
  readonly retentionMs?: number;
  readonly maxMessageBytes?: number;
  /** Further topic settings by Kafka's names; they win over the ones above. */
  readonly config?: Readonly<Record<string, string>>;
}

/** What was done about one topic, or would be: nothing but a missing topic is ever changed here. */
export interface TopicResult {
  readonly topic: string;
  readonly action: "create" | "change_needed" | "ok";
  /** What differs, as `setting: is → should be`. */
  readonly differences: readonly string[];
}

interface Wanted {
  readonly topic: string;
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

/**
 * Creates the topics that are missing, each with its `.dlt`, and says which existing ones differ. Those it leaves
 * alone: another number of partitions moves keys, a shorter retention deletes events; an operator decides that.
 */
export async function ensureTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<TopicResult[]> {
  const wanted = specs.flatMap(wantedTopics);
  const existing = new Set(await admin.listTopics());
  const missing = wanted.filter(({ topic }) => !existing.has(topic));
  const differences = await readDifferences(
    admin,
    wanted.filter(({ topic }) => existing.has(topic)),
  );
  if (!dryRun && missing.length > 0) {
    await admin.createTopics({
      waitForLeaders: false,
      topics: missing.map(({ config, ...topic }) => ({
        ...topic,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    });
    await untilLed(
      admin,
      missing.map(({ topic }) => topic),
    );
  }
  return wanted.map(({ topic }) => {
    const found = differences.get(topic);
    if (found === undefined) return { topic, action: "create", differences: [] };
    return { topic, action: found.length === 0 ? "ok" : "change_needed", differences: found };
  });
}

/**
 * Asks for offsets, which only a leader answers: metadata can name one that does not know it yet. kafkajs's own
 * wait (`waitForLeaders`) rejects at once where a busy broker does not know its new topic.
 */
async function untilLed(admin: Admin, topics: readonly string[]): Promise<void> {
  const deadlineMs = Date.now() + leadersTimeoutMs;
  for (;;) {
    try {
      await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
      return;
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await delay(leadersPollMs);
    }
  }
}

function wantedTopics(spec: TopicSpec): Wanted[] {
  const maxBytes = spec.maxMessageBytes ?? defaultMaxMessageBytes;
  const shape = { numPartitions: spec.partitions ?? 12, replicationFactor: spec.replicationFactor ?? -1 };
  const config = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": String(spec.retentionMs ?? 7 * dayMs),
  };
  return [
    {
      topic: spec.topic,
      ...shape,
      config: { ...config, "max.message.bytes": String(maxBytes), ...spec.config },
    },
    {
      topic: deadLetterTopic(spec.topic),
      ...shape,
      config: { ...config, "max.message.bytes": String(maxBytes + deadLetterMarginBytes), ...spec.config },
    },
  ];
}

async function readDifferences(admin: Admin, wanted: readonly Wanted[]): Promise<Map<string, string[]>> {
  const found = await describeTopics(
    admin,
    wanted.map(({ topic }) => topic),
    [...new Set(wanted.flatMap(({ config }) => Object.keys(config)))],
  );
  return new Map(
    wanted.map(({ topic, numPartitions, config }) => {
      const is = found.find((of) => of.topic === topic);
      const settings: [string, string, string][] = [
        ["partitions", String(is?.partitions.length ?? 0), String(numPartitions)],
        ...Object.entries(config).map(([name, should]): [string, string, string] => [
          name,
          is?.config.get(name) ?? "unknown",
          should,
        ]),
      ];
      return [
        topic,
        settings
          .filter(([, value, should]) => value !== should)
          .map(([name, value, should]) => `${name}: ${value} → ${should}`),
      ];
    }),
  );
}

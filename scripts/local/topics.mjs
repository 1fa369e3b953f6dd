import { kafkaAdmin } from "./kafka-admin.mjs";

/** Kafka's own default, said aloud because the dead-letter topic's limit is measured from it. */
const MAX_MESSAGE_BYTES = 1_048_588;
const RETENTION_MS = 7 * 24 * 3_600_000;

/**
 * Creates each topic and its dead-letter topic `<topic>.dlt` unless they are there; existing ones are left
 * as they are. The dead-letter topic takes 64 KiB more, for the headers that say where a letter came from.
 * @param {string[]} brokers host:port
 * @param {string[]} topics
 * @param {{ numPartitions?: number, settings?: Record<string, string> }} [options] settings win over ours
 */
export async function ensureTopics(brokers, topics, { numPartitions = 12, settings = {} } = {}) {
  /**
   * @param {string} topic
   * @param {number} maxMessageBytes
   */
  const config = (topic, maxMessageBytes) => ({
    topic,
    numPartitions,
    replicationFactor: -1,
    configEntries: Object.entries({
      "cleanup.policy": "delete",
      "retention.ms": String(RETENTION_MS),
      "message.timestamp.type": "LogAppendTime",
      "max.message.bytes": String(maxMessageBytes),
      ...settings,
    }).map(([name, value]) => ({ name, value })),
  });
  await kafkaAdmin(brokers, async (admin) => {
    const there = new Set(await admin.listTopics());
    const wanted = topics.flatMap((topic) => [
      config(topic, MAX_MESSAGE_BYTES),
      config(`${topic}.dlt`, MAX_MESSAGE_BYTES + 64 * 1024),
    ]);
    await admin.createTopics({
      topics: wanted.filter(({ topic }) => !there.has(topic)),
      waitForLeaders: true,
    });
  });
}

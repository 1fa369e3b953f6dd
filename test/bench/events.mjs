import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";

const BATCH = 2_000;

/**
 * Publishes the change event of the design document once for each id.
 * @param {{ brokers: string[], topic: string, ids: readonly string[], signal: AbortSignal }} options
 * @returns {Promise<number>} bytes of one event's value
 */
export async function publishEvents({ brokers, topic, ids, signal }) {
  const kafka = new kafkajs.Kafka({ clientId: "bench", brokers, logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    let bytes = 0;
    for (let from = 0; from < ids.length; from += BATCH) {
      signal.throwIfAborted();
      const messages = ids.slice(from, from + BATCH).map((id) => ({ key: id, value: eventOf(id) }));
      bytes = Buffer.byteLength(messages[0]?.value ?? "");
      await producer.send({ topic, acks: -1, messages });
    }
    return bytes;
  } finally {
    await producer.disconnect();
  }
}

/**
 * An event that changes one profile, as it is published.
 * @param {string} id
 */
export function eventOf(id) {
  return JSON.stringify({
    specversion: "1.0",
    id: randomUUID(),
    source: "profile-service",
    type: "ProfileChanged",
    subject: id,
    time: new Date().toISOString(),
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    data: {
      version: 7,
      change: "updated",
      changedFields: ["displayName", "teamIds"],
      before: { handle: "ada", teamIds: ["t1"] },
      after: { handle: "ada", teamIds: ["t1", "t2"] },
    },
  });
}

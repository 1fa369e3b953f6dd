import { randomUUID } from "node:crypto";
import { encodeChangeEvent } from "@freshet/contracts";
import kafkajs from "kafkajs";

const BATCH = 2_000;

/**
 * Publishes the change event of the design document once for each id, as the relay does: with its header.
 * @param {{ brokers: string[], topic: string, ids: readonly string[], padBytes?: number, signal: AbortSignal }} options
 *   padBytes: of an attribute that nobody reads
 * @returns {Promise<number>} bytes of one event's value
 */
export async function publishEvents({ brokers, topic, ids, padBytes = 0, signal }) {
  const kafka = new kafkajs.Kafka({ clientId: "bench", brokers, logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const batch = Math.max(1, Math.min(BATCH, Math.floor(400_000 / (padBytes + 1))));
  try {
    let bytes = 0;
    for (let from = 0; from < ids.length; from += batch) {
      signal.throwIfAborted();
      const messages = ids.slice(from, from + batch).map((id) => eventOf(id, padBytes));
      bytes = Buffer.byteLength(messages[0]?.value ?? "");
      await producer.send({ topic, acks: -1, messages });
    }
    return bytes;
  } finally {
    await producer.disconnect();
  }
}

/**
 * An event that changes one profile, as the relay sends it.
 * @param {string} id
 * @param {number} [padBytes]
 */
export function eventOf(id, padBytes = 0) {
  return encodeChangeEvent({
    specversion: "1.0",
    id: randomUUID(),
    source: "profile-service",
    type: "ProfileChanged",
    subject: id,
    time: new Date().toISOString(),
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ...(padBytes > 0 && { pad: "x".repeat(padBytes) }),
    data: {
      version: 7,
      change: "updated",
      changedFields: ["displayName", "teamIds"],
      before: { handle: "ada", teamIds: ["t1"] },
      after: { handle: "ada", teamIds: ["t1", "t2"] },
    },
  });
}

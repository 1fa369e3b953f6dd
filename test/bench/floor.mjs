import { setTimeout as pause } from "node:timers/promises";
import { defaultConsumerSettings } from "@freshet/kafka";
import kafkajs from "kafkajs";
import { waitUntil } from "../../scripts/local/wait.mjs";

/** How long a message takes from a bare kafkajs producer to a bare kafkajs consumer. Nothing can be faster. */
export class ProduceConsumeFloor {
  /** @type {import("kafkajs").Producer} */
  #producer;
  /** @type {import("kafkajs").Consumer} */
  #consumer;
  /** @type {string} */
  #topic;
  /** When each message of the measurement in hand arrived. @type {Map<string, number>} */
  #arrivedMs = new Map();

  /**
   * @param {import("kafkajs").Kafka} kafka
   * @param {string} topic
   */
  constructor(kafka, topic) {
    this.#topic = topic;
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    this.#consumer = kafka.consumer({
      groupId: "bench-floor",
      maxWaitTimeInMs: defaultConsumerSettings.maxWaitTimeMs,
    });
  }

  /**
   * @param {string[]} brokers
   * @param {string} topic
   */
  static async start(brokers, topic) {
    const kafka = new kafkajs.Kafka({ clientId: "floor", brokers, logLevel: kafkajs.logLevel.NOTHING });
    const floor = new ProduceConsumeFloor(kafka, topic);
    await Promise.all([floor.#producer.connect(), floor.#consumer.connect()]);
    await floor.#consumer.subscribe({ topics: [topic], fromBeginning: true });
    await floor.#consumer.run({
      eachBatch: ({ batch: { messages } }) => {
        const ms = performance.now();
        for (const { key } of messages) floor.#arrivedMs.set(String(key), ms);
        return Promise.resolve();
      },
    });
    return floor;
  }

  /**
   * Sends messages at a steady rate whatever becomes of the earlier ones; answers their delays in ms.
   * @param {{ count: number, ratePerSecond: number, signal: AbortSignal }} options
   * @returns {Promise<number[]>}
   */
  async measure({ count, ratePerSecond, signal }) {
    this.#arrivedMs.clear();
    /** @type {number[]} */
    const sentMs = [];
    /** @type {Promise<unknown>[]} */
    const sends = [];
    for (const started = performance.now(); sentMs.length < count;) {
      const due = Math.min(count, Math.ceil(((performance.now() - started) * ratePerSecond) / 1_000));
      while (sentMs.length < due) {
        const messages = [{ key: String(sentMs.length), value: "x".repeat(425) }];
        sentMs.push(performance.now());
        sends.push(this.#producer.send({ topic: this.#topic, acks: -1, messages }));
      }
      await pause(1, undefined, { signal });
    }
    await Promise.all(sends);
    await waitUntil("the floor's messages", () => this.#arrivedMs.size === count, {
      timeoutMs: 10_000,
      signal,
    });
    return sentMs.map((ms, n) => (this.#arrivedMs.get(String(n)) ?? NaN) - ms);
  }

  async stop() {
    await Promise.all([this.#producer.disconnect(), this.#consumer.disconnect()]);
  }
}

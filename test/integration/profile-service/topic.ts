import { type ChangeEvent, decodeChangeEvent } from "@freshet/contracts";
import kafkajs, { type Consumer } from "kafkajs";
import { inject } from "vitest";
import { ensureTopics } from "../../../scripts/local/topics.mjs";
import { uniqueName } from "../../support/names.ts";

const topic = "profile.events.v1";

/** Reads the profiles' topic from its beginning with a group of its own; other specs publish there as well. */
export class ProfileEvents implements AsyncDisposable {
  readonly #consumer: Consumer;
  readonly #events: { key: string | undefined; event: ChangeEvent }[] = [];

  private constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  static async read(brokers: string[] = inject("kafkaBrokers")): Promise<ProfileEvents> {
    await ensureTopics(brokers, [topic]);
    const kafka = new kafkajs.Kafka({ clientId: "spec", brokers, logLevel: kafkajs.logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: uniqueName("spec"), maxWaitTimeInMs: 50 });
    const reader = new ProfileEvents(consumer);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        const decoded = decodeChangeEvent(message);
        if (!decoded.ok) throw new Error(`the service published what is no event: ${decoded.detail}`);
        reader.#events.push({ key: message.key?.toString(), event: decoded.event });
        return Promise.resolve();
      },
    });
    return reader;
  }

  /** The events of one profile in the order of its partition. */
  of(id: string): ChangeEvent[] {
    return this.#events.filter(({ key }) => key === id).map(({ event }) => event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.disconnect();
  }
}

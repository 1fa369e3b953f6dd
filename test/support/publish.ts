import kafkajs, { type Message } from "kafkajs";

/** Publishes as a foreign service does: whatever it likes, one by one, since a huge one leaves no room for others. */
export async function publish(
  brokers: readonly string[],
  topic: string,
  messages: readonly Message[],
): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  for (const message of messages) await producer.send({ topic, acks: -1, messages: [message] });
  await producer.disconnect();
}

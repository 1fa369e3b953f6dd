// What was committed goes to Kafka.
import { createEventPublisher, createKafka } from "@freshet/kafka";
import { OutboxRelay } from "@freshet/outbox";
import type pg from "pg";

export function startRelay(pool: pg.Pool, brokers: string[]) {
  const publisher = createEventPublisher(createKafka({ brokers, clientId: "note-service" }));
  const relay = new OutboxRelay({
    pool,
    publish: (messages, options) => publisher.publish(messages, options),
    ping: (options) => publisher.ping(options),
    on: (event) => {
      if (event.type === "dead") console.error(event);
    },
  });
  relay.start();
  return {
    wake: () => {
      relay.wake();
    },
    stop: async () => {
      await relay.stop();
      await publisher.close();
    },
  };
}

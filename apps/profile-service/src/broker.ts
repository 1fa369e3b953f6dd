import { createEventPublisher, createKafka, type EventPublisher, type KafkaLog } from "@freshet/kafka";
import { type Logger } from "@freshet/observability";
import { type ProfileServiceConfig } from "./config.ts";

/** The log that the relay publishes to. */
export interface Broker {
  readonly publisher: EventPublisher;
  /** Rejects unless a broker answers now. */
  ping(): Promise<void>;
}

export function connectBroker(config: ProfileServiceConfig["kafka"], logger: Logger): Broker {
  const log: KafkaLog = (_level, message, details) => {
    logger.debug({ kafka: details }, message); // kafkajs logs as an error what it then retries
  };
  const options = { ...config, clientId: "profile-service" };
  return {
    publisher: createEventPublisher(createKafka(options, log)),
    async ping() {
      // An admin client retries as its Kafka object does, for seconds; the relay wants to know about now.
      const admin = createKafka({ ...options, retry: { retries: 0 } }, log).admin();
      try {
        await admin.connect();
        await admin.describeCluster();
      } finally {
        await admin.disconnect();
      }
    },
  };
}

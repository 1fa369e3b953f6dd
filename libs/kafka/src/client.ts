import "./kafkajs-broker.ts";
import "./kafkajs-fetch.ts";
import "./kafkajs-group.ts";
import "./kafkajs-headers.ts";
import { Kafka, type KafkaConfig, logLevel } from "kafkajs";

/** The level of a log line of kafkajs. */
export type KafkaLogLevel = "error" | "warn" | "info" | "debug";

/** Receives kafkajs's log lines; it logs at error what it then retries, so nothing of it is an alarm. */
export type KafkaLog = (
  level: KafkaLogLevel,
  message: string,
  details: Readonly<Record<string, unknown>>,
) => void;

const levels: Readonly<Record<number, KafkaLogLevel>> = {
  [logLevel.ERROR]: "error",
  [logLevel.WARN]: "warn",
  [logLevel.INFO]: "info",
  [logLevel.DEBUG]: "debug",
};

/** A kafkajs client with bounded requests and retries, so that a broker that is away is noticed within seconds. */
export function createKafka(
  config: Pick<KafkaConfig, "brokers" | "clientId" | "ssl" | "sasl" | "retry" | "requestTimeout">,
  log: KafkaLog = () => undefined,
): Kafka {
  return new Kafka({
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    ...config,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 6, ...config.retry },
    logLevel: logLevel.INFO,
    logCreator:
      () =>
      ({ level, log: { message, ...details } }) => {
        log(levels[level] ?? "info", message, details);
      },
  });
}

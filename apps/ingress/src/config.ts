import {
  ConfigError,
  type Environment,
  kafkaClientOptions,
  kafkaSettings,
  listenHost,
  logLevel,
  port,
  readEnvironment,
  stopTimeoutMs,
} from "@freshet/config";
import { z } from "zod";
import { parseTokens } from "./tokens.ts";

const wholeNumber = (fallback: number, least: number, most: number) =>
  z.coerce
    .number({ error: "is not a number" })
    .int("is not a whole number")
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`)
    .default(fallback);

/** The ingress's settings; documents' table is generated from this. */
export const ingressSettings = z.object({
  ...kafkaSettings,
  LISTEN_HOST: listenHost,
  PORT: port(3003, "HTTP port: /events, /openapi.json, /metrics, /health/live, /health/ready"),
  MANIFESTS_DIR: z
    .string()
    .default("deploy/manifests")
    .describe("Folder of the manifests and pools.yaml, read at the start: what they publish is taken"),
  INGRESS_TOKENS: z
    .string()
    .describe(
      "Who may publish what, a line (or what stands between two `;`) each: token, source, event types separated by commas or `*` (better by INGRESS_TOKENS_FILE)",
    ),
  INGRESS_EVENTS_PER_MINUTE: wholeNumber(6_000, 0, 10_000_000).describe(
    "Events that one source may send a minute, on each replica; 0: any number",
  ),
  INGRESS_MAX_BATCH: wholeNumber(100, 1, 1_000).describe("Events that one request may bear"),
  INGRESS_PUBLISH_TIMEOUT_MS: wholeNumber(5_000, 100, 60_000).describe(
    "How long Kafka may take to acknowledge, in milliseconds; then the answer is 503",
  ),
  LOG_LEVEL: logLevel,
  STOP_TIMEOUT_MS: stopTimeoutMs,
});

export type IngressConfig = ReturnType<typeof readConfig>;

/**
 * Reads the environment of the ingress.
 * @throws ConfigError naming every wrong variable
 */
export function readConfig(environment: Environment = process.env) {
  const values = readEnvironment(ingressSettings, environment);
  const { INGRESS_EVENTS_PER_MINUTE: eventsPerMinute, INGRESS_MAX_BATCH: maxBatch } = values;
  if (eventsPerMinute > 0 && eventsPerMinute < maxBatch)
    throw new ConfigError([
      `INGRESS_EVENTS_PER_MINUTE: must be at least INGRESS_MAX_BATCH (${maxBatch}): a full batch would never be taken`,
    ]);
  return {
    host: values.LISTEN_HOST,
    port: values.PORT,
    manifestsDir: values.MANIFESTS_DIR,
    tokens: parseTokens(values.INGRESS_TOKENS),
    eventsPerMinute,
    maxBatch,
    publishTimeoutMs: values.INGRESS_PUBLISH_TIMEOUT_MS,
    logLevel: values.LOG_LEVEL,
    prettyLogs: process.stdout.isTTY && environment["NODE_ENV"] !== "production",
    stopTimeoutMs: values.STOP_TIMEOUT_MS,
    kafka: kafkaClientOptions(values),
  };
}

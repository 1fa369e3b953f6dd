import {
  ConfigError,
  deployment,
  type Environment,
  kafkaClientOptions,
  kafkaSettings,
  listenHost,
  logLevel,
  poolNodes,
  port,
  readEnvironment,
  serviceUrls,
  stopTimeoutMs,
} from "@freshet/config";
import { z } from "zod";

const number = (fallback: number) => z.coerce.number({ error: "is not a number" }).default(fallback);

/** The auditor's settings; documents' table is generated from this. */
export const auditorSettings = (production: boolean) =>
  z.object({
    ...kafkaSettings,
    LISTEN_HOST: listenHost,
    PORT: port(3002, "HTTP port: /status, /metrics, /health/live, /health/ready"),
    MANIFESTS_DIR: z
      .string()
      .default("deploy/manifests")
      .describe("Folder of the manifests and pools.yaml, read at the start"),
    DEPLOYMENT: deployment(production),
    AUDIT_SAMPLE_RATE: number(1)
      .refine((rate) => rate > 0 && rate <= 1, "must be above 0 and at most 1")
      .describe("Share of the events whose keys are checked"),
    AUDIT_HORIZONS_SECONDS: z
      .string()
      .default("1,5,60")
      .describe("When the keys of an event are checked, in seconds after it, separated by commas; at most 5"),
    AUDIT_MAX_PENDING: number(100_000).describe(
      "Checks that may wait for their time; events beyond that are skipped and counted",
    ),
    INTERNAL_TOKEN: z
      .string()
      .optional()
      .describe("Bearer token for the owners at SERVICE_URL_<SERVICE> (better by INTERNAL_TOKEN_FILE)"),
    LOG_LEVEL: logLevel,
    STOP_TIMEOUT_MS: stopTimeoutMs,
  });

export type AuditorConfig = ReturnType<typeof readConfig>;

/**
 * Reads the environment of the auditor.
 * @throws ConfigError naming every wrong variable
 */
export function readConfig(environment: Environment = process.env) {
  const values = readEnvironment(auditorSettings(environment["NODE_ENV"] === "production"), environment);
  const horizonsMs = values.AUDIT_HORIZONS_SECONDS.split(",").map((part) => Number(part) * 1_000);
  if (horizonsMs.length > 5 || horizonsMs.some((ms) => !(ms > 0 && ms <= 3_600_000)))
    throw new ConfigError(["AUDIT_HORIZONS_SECONDS: must be at most 5 numbers above 0 and up to 3600"]);
  return {
    host: values.LISTEN_HOST,
    port: values.PORT,
    manifestsDir: values.MANIFESTS_DIR,
    deployment: values.DEPLOYMENT,
    sampleRate: values.AUDIT_SAMPLE_RATE,
    horizonsMs,
    mostPending: values.AUDIT_MAX_PENDING,
    token: values.INTERNAL_TOKEN,
    logLevel: values.LOG_LEVEL,
    prettyLogs: process.stdout.isTTY && environment["NODE_ENV"] !== "production",
    stopTimeoutMs: values.STOP_TIMEOUT_MS,
    kafka: kafkaClientOptions(values),
    nodesOf: poolNodes(environment),
    serviceUrl: serviceUrls(environment),
  };
}

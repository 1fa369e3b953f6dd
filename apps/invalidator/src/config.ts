import {
  deployment,
  type Environment,
  kafkaClientOptions,
  kafkaSettings,
  listenHost,
  listOf,
  logLevel,
  onOff,
  poolNodes,
  type PoolSettings,
  port,
  readEnvironment,
  serviceUrls,
  stopTimeoutMs,
} from "@freshet/config";
import { maxKeysAtOnce } from "@freshet/dependency-graph";
import { z } from "zod";
import type { RefreshSettings } from "./owners/owners.ts";

const poolsMeaning = "Pools that this process serves, separated by commas (default: all)";

/** The invalidator's settings; documents' table is generated from this. */
export const invalidatorSettings = (production: boolean) =>
  z.object({
    ...kafkaSettings,
    PORT: port(
      3001,
      "Read-only HTTP port: the live page at /, /status, /metrics, /health/live, /health/ready",
    ),
    LISTEN_HOST: listenHost,
    ADMIN_PORT: port(3101, "Admin HTTP port: pause, resume, settle and flush; closed without ADMIN_TOKEN"),
    ADMIN_HOST: z
      .string()
      .default("127.0.0.1")
      .describe("Address that the admin port listens on; 0.0.0.0 in a container whose port is not published"),
    ADMIN_TOKEN: z
      .string()
      .regex(/^\S{16,}$/, "must have at least 16 characters, no blanks")
      .optional()
      .describe("Bearer token that the admin port demands (better by ADMIN_TOKEN_FILE)"),
    MANIFESTS_DIR: z
      .string()
      .default("deploy/manifests")
      .describe("Folder of the manifests (*.yaml, *.yml, *.json) and pools.yaml"),
    POOLS: listOf(poolsMeaning).optional().describe(poolsMeaning), // an error and the table read either
    DEPLOYMENT: deployment(production),
    SLICE_KEYS: z.coerce
      .number({ error: "is not a number" })
      .int("is not a whole number")
      .min(1, "must be at least 1")
      .max(1_000_000, "must be at most 1,000,000")
      .default(maxKeysAtOnce)
      .describe(
        "Keys that one event may expand to; those of a larger one are deleted slice by slice, so many at a time",
      ),
    CATCH_UP_EVENTS: z.coerce
      .number({ error: "is not a number" })
      .int("is not a whole number")
      .min(0, "must be at least 0")
      .default(1_000_000)
      .describe(
        "Missed events up to which a node of a dedicated pool is caught up by a replay; one that has missed more is flushed",
      ),
    DELETE_PROTOCOL: z
      .enum(["meta", "binary"], { error: "must be meta or binary" })
      .default("meta")
      .describe(
        "How keys are deleted: meta (memcached 1.6 and later), or binary, for a proxy that speaks no meta and several times slower",
      ),
    REFRESH: onOff("on", "off: keys whose view wants them refreshed are deleted"),
    REFRESH_TIMEOUT_MS: z.coerce
      .number({ error: "is not a number" })
      .int("is not a whole number")
      .min(1, "must be at least 1")
      .default(1_000)
      .describe(
        "How long a batch waits for the values of its refreshes in milliseconds; then it deletes the rest",
      ),
    REFRESH_MAX_LAG_SECONDS: z.coerce
      .number({ error: "is not a number" })
      .min(0, "must be at least 0")
      .default(5)
      .describe("Age of a batch's oldest event in seconds beyond which its keys are deleted, not refreshed"),
    INTERNAL_TOKEN: z
      .string()
      .optional()
      .describe(
        "Bearer token sent to the services that values are refreshed from (better by INTERNAL_TOKEN_FILE)",
      ),
    AUDITOR_URL: z
      .url({ protocol: /^https?$/, error: "must be http(s)://host:port" })
      .optional()
      .describe("Address of the auditor, such as http://auditor:3002: the live page shows what it found"),
    STOP_TIMEOUT_MS: stopTimeoutMs,
    CRASH_EXIT_AFTER_MS: z.coerce
      .number({ error: "is not a number" })
      .int("is not a whole number")
      .min(0, "must be at least 0")
      .default(30_000)
      .describe(
        "How long liveness fails after a consumer has given up for good, in milliseconds; then the process ends with code 70",
      ),
    LOG_LEVEL: logLevel,
  });

export interface InvalidatorConfig {
  readonly host: string;
  readonly port: number;
  /** undefined: the admin port stays closed. */
  readonly admin: { readonly port: number; readonly host: string; readonly token: string } | undefined;
  readonly manifestsDir: string;
  readonly pools: readonly string[] | undefined;
  readonly deployment: string;
  readonly auditorUrl: string | undefined;
  readonly stopTimeoutMs: number;
  readonly crashExitMs: number;
  readonly sliceKeys: number;
  readonly catchUpEvents: number;
  readonly deleteProtocol: "meta" | "binary";
  readonly logLevel: z.infer<typeof logLevel>;
  readonly prettyLogs: boolean;
  readonly kafka: ReturnType<typeof kafkaClientOptions>;
  readonly refresh: RefreshSettings;
  /** MEMCACHED_<POOL> and its kin: they win over pools.yaml. */
  readonly nodesOf: (pool: string) => PoolSettings;
}

/**
 * Reads the environment of the invalidator.
 * @throws ConfigError naming every wrong variable
 */
export function readConfig(environment: Environment = process.env): InvalidatorConfig {
  const values = readEnvironment(invalidatorSettings(environment["NODE_ENV"] === "production"), environment);
  return {
    host: values.LISTEN_HOST,
    port: values.PORT,
    admin:
      values.ADMIN_TOKEN === undefined
        ? undefined
        : { port: values.ADMIN_PORT, host: values.ADMIN_HOST, token: values.ADMIN_TOKEN },
    manifestsDir: values.MANIFESTS_DIR,
    pools: values.POOLS,
    deployment: values.DEPLOYMENT,
    auditorUrl: values.AUDITOR_URL,
    stopTimeoutMs: values.STOP_TIMEOUT_MS,
    crashExitMs: values.CRASH_EXIT_AFTER_MS,
    sliceKeys: values.SLICE_KEYS,
    catchUpEvents: values.CATCH_UP_EVENTS,
    deleteProtocol: values.DELETE_PROTOCOL,
    logLevel: values.LOG_LEVEL,
    prettyLogs: process.stdout.isTTY && environment["NODE_ENV"] !== "production",
    kafka: kafkaClientOptions(values),
    refresh: {
      on: values.REFRESH,
      timeoutMs: values.REFRESH_TIMEOUT_MS,
      maxLagSeconds: values.REFRESH_MAX_LAG_SECONDS,
      token: values.INTERNAL_TOKEN,
      serviceUrl: serviceUrls(environment),
    },
    nodesOf: poolNodes(environment),
  };
}

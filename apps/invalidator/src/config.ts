import {
  deployment,
  type Environment,
  kafkaClientOptions,
  kafkaSettings,
  listOf,
  logLevel,
  port,
  readEnvironment,
} from "@freshet/config";
import { z } from "zod";

const poolsMeaning = "Pools that this process serves, separated by commas (default: all)";

/** The invalidator's settings; documents' table is generated from this. */
export const invalidatorSettings = (production: boolean) =>
  z.object({
    ...kafkaSettings,
    PORT: port(3001, "Read-only HTTP port: /status, /metrics, /health/live, /health/ready"),
    MANIFESTS_DIR: z
      .string()
      .default("deploy/manifests")
      .describe("Folder of the manifests (*.yaml, *.yml, *.json) and pools.yaml"),
    POOLS: listOf(poolsMeaning).optional().describe(poolsMeaning), // an error and the table read either
    DEPLOYMENT: deployment(production),
    LOG_LEVEL: logLevel,
  });

export interface InvalidatorConfig {
  readonly port: number;
  readonly manifestsDir: string;
  readonly pools: readonly string[] | undefined;
  readonly deployment: string;
  readonly logLevel: z.infer<typeof logLevel>;
  readonly prettyLogs: boolean;
  readonly kafka: ReturnType<typeof kafkaClientOptions>;
  /** MEMCACHED_<POOL> and MEMCACHED_<POOL>_PREVIOUS: they win over pools.yaml. */
  readonly nodesOf: (pool: string) => { nodes?: string; previousNodes?: string };
}

/**
 * Reads the environment of the invalidator.
 * @throws ConfigError naming every wrong variable
 */
export function readConfig(environment: Environment = process.env): InvalidatorConfig {
  const values = readEnvironment(invalidatorSettings(environment["NODE_ENV"] === "production"), environment);
  return {
    port: values.PORT,
    manifestsDir: values.MANIFESTS_DIR,
    pools: values.POOLS,
    deployment: values.DEPLOYMENT,
    logLevel: values.LOG_LEVEL,
    prettyLogs: process.stdout.isTTY && environment["NODE_ENV"] !== "production",
    kafka: kafkaClientOptions(values),
    nodesOf: (pool) => {
      const name = `MEMCACHED_${pool.toUpperCase().replaceAll("-", "_")}`;
      const { [name]: nodes, [`${name}_PREVIOUS`]: previousNodes } = environment;
      return { ...(nodes ? { nodes } : {}), ...(previousNodes ? { previousNodes } : {}) };
    },
  };
}

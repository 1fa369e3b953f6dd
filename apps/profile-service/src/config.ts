import {
  type Environment,
  kafkaClientOptions,
  kafkaSettings,
  listenHost,
  logLevel,
  onOff,
  port,
  readEnvironment,
  stopTimeoutMs,
} from "@freshet/config";
import { z } from "zod";

/** Settings of the database alone: what `migrate` needs. */
const databaseSettings = {
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
    .describe("PostgreSQL connection string, postgres://user:password@host:port/database; PgBouncer will do"),
};

const nodesOf = (pool: string) =>
  z
    .string()
    .describe(
      `Nodes of the pool ${pool} as host:port[:weight], separated by commas; the same list everywhere`,
    );
const previousNodesOf = (pool: string) =>
  z
    .string()
    .default("")
    .describe(
      `Earlier node lists of the pool ${pool}, separated by ';', while values written under them may live`,
    );

/** What a caller of /internal/* must send. Header values hold no blanks. */
function internalToken(production: boolean) {
  const token = z
    .string()
    .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without blanks")
    .describe(
      "Bearer token demanded on /internal/* (better by INTERNAL_TOKEN_FILE); required with NODE_ENV=production",
    );
  return production ? token : token.optional().describe(token.description ?? "");
}

/** The profile service's settings; the documents' table is generated from this. */
export const profileServiceSettings = (production: boolean) =>
  z.object({
    ...databaseSettings,
    ...kafkaSettings,
    MEMCACHED_PROFILES: nodesOf("profiles"),
    MEMCACHED_PROFILES_PREVIOUS: previousNodesOf("profiles"),
    MEMCACHED_TEAMS: nodesOf("teams"),
    MEMCACHED_TEAMS_PREVIOUS: previousNodesOf("teams"),
    MEMCACHED_TIMEOUT_MS: z.coerce
      .number({ error: "is not a number" })
      .int("is not a whole number")
      .min(1, "must be at least 1")
      .default(50)
      .describe("Deadline of one call of memcached in milliseconds; later the primary is asked instead"),
    LISTEN_HOST: listenHost,
    PORT: port(3000, "Public HTTP port: the profile API"),
    INTERNAL_PORT: port(3100, "Internal HTTP port: /internal/views, /metrics, /health/live, /health/ready"),
    INTERNAL_TOKEN: internalToken(production),
    RATE_LIMIT_PER_MINUTE: z.coerce
      .number({ error: "is not a number" })
      .int("is not a whole number")
      .min(0, "must be at least 0")
      .default(60_000)
      .describe("Requests a minute that one address may send to the public port of a replica; 0: any number"),
    TRUSTED_PROXIES: z
      .string()
      .regex(/^[0-9a-fA-F:.,/ ]*$/, "must be addresses or networks, separated by commas")
      .default("")
      .describe(
        "Proxies whose X-Forwarded-For names the caller, as addresses or networks, separated by commas",
      ),
    OUTBOX_RELAY: onOff(
      "on",
      "off: Debezium reads the outbox from the write-ahead log, this service sends nothing",
    ),
    WRITER_DELETE: onOff("on", "off: only the bus deletes cached copies, for proofs that it does"),
    STOP_TIMEOUT_MS: stopTimeoutMs,
    LOG_LEVEL: logLevel,
  });

interface PoolNodes {
  readonly nodes: string;
  readonly previousNodes: string;
}

export interface ProfileServiceConfig {
  readonly databaseUrl: string;
  readonly kafka: ReturnType<typeof kafkaClientOptions>;
  /** The pools that the views name. */
  readonly pools: Readonly<Record<"profiles" | "teams", PoolNodes>>;
  readonly memcachedTimeoutMs: number;
  readonly host: string;
  readonly port: number;
  readonly internalPort: number;
  /** Demanded on /internal/*; undefined: nothing is. */
  readonly internalToken: string | undefined;
  /** Of one address; 0: any number. */
  readonly requestsPerMinute: number;
  readonly trustedProxies: string;
  readonly outboxRelay: boolean;
  readonly writerDelete: boolean;
  readonly stopTimeoutMs: number;
  readonly logLevel: z.infer<typeof logLevel>;
  readonly prettyLogs: boolean;
}

/**
 * Reads the environment of the profile service.
 * @throws ConfigError naming every wrong variable
 */
export function readConfig(environment: Environment = process.env): ProfileServiceConfig {
  const production = environment["NODE_ENV"] === "production";
  const values = readEnvironment(profileServiceSettings(production), environment);
  return {
    databaseUrl: values.DATABASE_URL,
    kafka: kafkaClientOptions(values),
    pools: {
      profiles: { nodes: values.MEMCACHED_PROFILES, previousNodes: values.MEMCACHED_PROFILES_PREVIOUS },
      teams: { nodes: values.MEMCACHED_TEAMS, previousNodes: values.MEMCACHED_TEAMS_PREVIOUS },
    },
    memcachedTimeoutMs: values.MEMCACHED_TIMEOUT_MS,
    host: values.LISTEN_HOST,
    port: values.PORT,
    internalPort: values.INTERNAL_PORT,
    internalToken: values.INTERNAL_TOKEN,
    requestsPerMinute: values.RATE_LIMIT_PER_MINUTE,
    trustedProxies: values.TRUSTED_PROXIES,
    outboxRelay: values.OUTBOX_RELAY,
    writerDelete: values.WRITER_DELETE,
    stopTimeoutMs: values.STOP_TIMEOUT_MS,
    logLevel: values.LOG_LEVEL,
    prettyLogs: process.stdout.isTTY && !production,
  };
}

/**
 * The connection string alone, for migrations.
 * @throws ConfigError
 */
export function readDatabaseUrl(environment: Environment = process.env): string {
  return readEnvironment(z.object(databaseSettings), environment).DATABASE_URL;
}

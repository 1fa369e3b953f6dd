import {
  ConfigError,
  deployment,
  type Environment,
  kafkaClientOptions,
  kafkaSettings,
  readEnvironment,
} from "@freshet/config";
import { z } from "zod";
import type { Io } from "./io.ts";

/** Where `npm start` puts the broker; `freshet` looks there when nobody says otherwise. */
const localBroker = "127.0.0.1:9092";

const manifestsDir = {
  MANIFESTS_DIR: z
    .string()
    .default("deploy/manifests")
    .describe("Folder of the manifests and pools.yaml; `--manifests` wins over it"),
};

const token = {
  INTERNAL_TOKEN: z
    .string()
    .optional()
    .describe(
      "Bearer token for the owners that `explain` asks at SERVICE_URL_<SERVICE> (better by INTERNAL_TOKEN_FILE)",
    ),
};

const database = {
  DATABASE_URL: z
    .string()
    .optional()
    .describe(
      "PostgreSQL whose outbox `doctor` looks at, and whose rows `repair` reads (better by DATABASE_URL_FILE)",
    ),
};

const admin = {
  ADMIN_URL: z
    .url({ protocol: /^https?$/, error: "must be http(s)://host:port" })
    .default("http://127.0.0.1:3101")
    .describe("Admin port of any replica of the invalidator; `--admin-url` wins over it"),
  ADMIN_TOKEN: z
    .string()
    .optional()
    .describe("Bearer token that the admin port demands (better by ADMIN_TOKEN_FILE)"),
};

/** The settings that `freshet` reads, all of them those of the apps; documents' table is generated from this. */
export const cliSettings = (production: boolean) =>
  z.object({
    ...kafkaSettings,
    KAFKA_BROKERS: kafkaSettings.KAFKA_BROKERS.default([localBroker]).describe(
      "Kafka brokers as host:port, separated by commas; `--brokers` wins over it",
    ),
    DEPLOYMENT: deployment(production),
    ...manifestsDir,
    ...token,
    ...admin,
    ...database,
  });

export interface KafkaAccess {
  readonly options: ReturnType<typeof kafkaClientOptions>;
  readonly deployment: string;
}

/**
 * How to reach Kafka, and whose groups are meant; options of the command line win over the environment.
 * @throws ConfigError naming every wrong variable
 */
export function kafkaAccess(
  environment: Environment,
  given: { brokers?: string | undefined; deployment?: string | undefined },
): KafkaAccess {
  const values = readEnvironment(cliSettings(environment["NODE_ENV"] === "production"), {
    ...environment,
    ...(given.brokers === undefined ? {} : { KAFKA_BROKERS: given.brokers }),
    ...(given.deployment === undefined ? {} : { DEPLOYMENT: given.deployment }),
  });
  return { options: kafkaClientOptions(values), deployment: values.DEPLOYMENT };
}

/** What owners want to be shown; undefined: nothing. */
export function internalToken(environment: Environment): string | undefined {
  return readEnvironment(z.object(token), environment).INTERNAL_TOKEN;
}

/**
 * Where the admin port is, and what it wants to be shown.
 * @throws ConfigError
 */
export function adminAccess(
  environment: Environment,
  given: string | undefined,
): { readonly url: string; readonly token: string } {
  const { ADMIN_URL, ADMIN_TOKEN } = readEnvironment(z.object(admin), environment);
  if (ADMIN_TOKEN === undefined)
    throw new ConfigError([
      "ADMIN_TOKEN: is not set. The invalidator's own, or its file by ADMIN_TOKEN_FILE",
    ]);
  return { url: given ?? ADMIN_URL.replace(/\/+$/, ""), token: ADMIN_TOKEN };
}

/** The database that somebody named; undefined: none. */
export function databaseUrl(environment: Environment): string | undefined {
  return readEnvironment(z.object(database), environment).DATABASE_URL;
}

/** The manifests folder, and whether anybody named it. */
export function manifestsFolder(
  environment: Environment,
  given: string | undefined,
): { readonly folder: string; readonly named: boolean } {
  const { MANIFESTS_DIR } = readEnvironment(z.object(manifestsDir), environment);
  return {
    folder: given ?? MANIFESTS_DIR,
    named: given !== undefined || (environment["MANIFESTS_DIR"] ?? "") !== "",
  };
}

/** Whether colours may be written: a terminal, and nobody said NO_COLOR (https://no-color.org). */
export function mayColour({ environment, stdout }: Pick<Io, "environment" | "stdout">): boolean {
  const { NO_COLOR, TERM } = environment;
  return stdout.isTTY === true && (NO_COLOR ?? "") === "" && TERM !== "dumb";
}

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env;
}

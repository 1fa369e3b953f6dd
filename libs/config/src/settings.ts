import { readFileSync } from "node:fs";
import { z } from "zod";
import { ConfigError } from "./read-environment.ts";

/** A TCP port. */
export function port(fallback: number, meaning: string): z.ZodDefault<z.ZodCoercedNumber> {
  return z.coerce
    .number({ error: "is not a port number" })
    .int("is not a whole number")
    .min(0, "must be from 0 to 65535")
    .max(65_535, "must be from 0 to 65535")
    .default(fallback)
    .describe(meaning);
}

/** Where the HTTP ports listen. */
export const listenHost = z
  .string()
  .default("127.0.0.1")
  .describe(
    "Address that the HTTP ports listen on; the image sets 0.0.0.0, since a container is reached from outside",
  );

/** A switch that is written `on` or `off`. */
export function onOff(fallback: "on" | "off", meaning: string) {
  return z
    .enum(["on", "off"], { error: "must be on or off" })
    .default(fallback)
    .transform((value) => value === "on")
    .describe(meaning);
}

/** A list separated by commas; blanks around an element are dropped. */
export function listOf(meaning: string) {
  return z
    .string()
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(z.string()).nonempty("names nothing"))
    .describe(meaning);
}

/** The setting LOG_LEVEL. */
export const logLevel = z
  .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
    error: "must be fatal, error, warn, info, debug, trace or silent",
  })
  .default("info")
  .describe("Least severe level that is logged");

/** Bound of a graceful stop. */
export const stopTimeoutMs = z.coerce
  .number({ error: "is not a number" })
  .int("is not a whole number")
  .min(1, "must be at least 1")
  .default(12_000)
  .describe(
    "How long a stop may take in milliseconds, less than what supervisors wait before they kill; what is not done then is named in the log and done after the next start",
  );

/** Names this installation in consumer groups; two deployments on one Kafka must not share partitions. */
export function deployment(production: boolean) {
  const name = z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, "must be lower-case letters, digits and -, at most 32")
    .describe("Name of this installation in consumer groups; required with NODE_ENV=production");
  return production ? name : name.default("local").describe(name.description ?? "");
}

const brokersMeaning = "Kafka brokers as host:port, separated by commas";

/** How to reach Kafka. */
export const kafkaSettings = {
  KAFKA_BROKERS: listOf(brokersMeaning)
    .refine(
      (brokers) => brokers.every((broker) => /^[^\s/]+:\d{1,5}$/.test(broker)),
      "names one that is no host:port, such as kafka-1:9092",
    )
    .describe(brokersMeaning), // a refined schema has none of its own
  KAFKA_SSL_CA_FILE: z
    .string()
    .optional()
    .describe(
      "PEM file of the authority that signed the brokers' certificates; turns TLS on. The system's own: /etc/ssl/certs/ca-certificates.crt",
    ),
  KAFKA_SASL_MECHANISM: z
    .enum(["plain", "scram-sha-256", "scram-sha-512"], {
      error: "must be plain, scram-sha-256 or scram-sha-512",
    })
    .optional()
    .describe(
      "SASL mechanism; needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, and plain also KAFKA_SSL_CA_FILE",
    ),
  KAFKA_SASL_USERNAME: z.string().optional().describe("SASL user"),
  KAFKA_SASL_PASSWORD: z.string().optional().describe("SASL password (better by KAFKA_SASL_PASSWORD_FILE)"),
};

type Credentials = Readonly<{ username: string; password: string }>;
type SaslOptions = Credentials &
  ({ mechanism: "plain" } | { mechanism: "scram-sha-256" } | { mechanism: "scram-sha-512" });

/** What kafkaSettings parse to. */
export interface KafkaSettings {
  readonly KAFKA_BROKERS: readonly string[];
  readonly KAFKA_SSL_CA_FILE?: string | undefined;
  readonly KAFKA_SASL_MECHANISM?: SaslOptions["mechanism"] | undefined;
  readonly KAFKA_SASL_USERNAME?: string | undefined;
  readonly KAFKA_SASL_PASSWORD?: string | undefined;
}

/**
 * The connection part of a Kafka client's options.
 * @throws ConfigError when the mechanism lacks its user, its password or the TLS it needs, or the CA file cannot be read
 */
export function kafkaClientOptions(settings: KafkaSettings): {
  brokers: string[];
  ssl?: { ca: string };
  sasl?: SaslOptions;
} {
  const { KAFKA_BROKERS, KAFKA_SSL_CA_FILE: caFile, KAFKA_SASL_MECHANISM: mechanism } = settings;
  return {
    brokers: [...KAFKA_BROKERS],
    ...(caFile === undefined ? {} : { ssl: { ca: readCertificate(caFile) } }),
    ...(mechanism === undefined ? {} : { sasl: saslOptions(mechanism, settings) }),
  };
}

function saslOptions(mechanism: SaslOptions["mechanism"], settings: KafkaSettings): SaslOptions {
  if (mechanism === "plain" && settings.KAFKA_SSL_CA_FILE === undefined)
    throw new ConfigError([
      "KAFKA_SASL_MECHANISM is plain: set KAFKA_SSL_CA_FILE, since without TLS the password is readable on the way",
    ]);
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = settings;
  if (username === undefined || password === undefined)
    throw new ConfigError([
      `KAFKA_SASL_MECHANISM is ${mechanism}: set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`,
    ]);
  const credentials = { username, password };
  switch (mechanism) {
    case "plain":
      return { mechanism, ...credentials };
    case "scram-sha-256":
      return { mechanism, ...credentials };
    case "scram-sha-512":
      return { mechanism, ...credentials };
  }
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new ConfigError([`KAFKA_SSL_CA_FILE: the file ${file} cannot be read`]);
  }
}

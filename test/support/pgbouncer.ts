import { existsSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { freePort } from "../../scripts/local/ports.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { ServerProcess } from "../../scripts/local/server-process.mjs";
import { ownDir, startOwn } from "./own-servers.ts";

/** Where PgBouncer is; Debian puts it where only root's PATH looks. */
const command = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"]
  .map((folder) => join(folder, "pgbouncer"))
  .find((path) => existsSync(path));

/** Why a spec on PgBouncer can't run here; undefined: it can. */
export const pgBouncerMissing = command === undefined ? "install it: apt-get install pgbouncer" : undefined;

/**
 * PgBouncer in transaction mode in front of a database, with fewer connections than its clients have: each
 * transaction gets another one.
 */
export async function ownPgBouncer(
  databaseUrl: string,
  { connections }: { connections: number },
): Promise<{ server: ServerProcess; databaseUrl: string }> {
  if (command === undefined) throw new Error(`PgBouncer is missing: ${String(pgBouncerMissing)}`);
  const target = new URL(databaseUrl);
  const port = await freePort();
  const configFile = join(ownDir(), `pgbouncer-${port}.ini`);
  const { hostname, username, password } = target;
  writeFileSync(
    configFile,
    `[databases]
* = host=${hostname} port=${target.port} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 200
`,
  );
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  const server = new ServerProcess({
    name: "PgBouncer",
    port,
    command,
    args: [configFile],
    logFile: join(ownDir(), `pgbouncer-${port}.log`),
    stopSignal: "SIGINT",
    unprivileged: [configFile],
    answers: () => query(url.href, "SELECT 1"),
  });
  return { server: await startOwn(server), databaseUrl: url.href };
}

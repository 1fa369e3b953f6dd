import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOOPBACK } from "./ports.mjs";
import { runCommand } from "./run-command.mjs";
import { ServerProcess } from "./server-process.mjs";

const APPS = fileURLToPath(new URL("../../apps", import.meta.url));

/**
 * A built app as a child process, not started yet; it answers when its readiness does.
 * @param {"profile-service" | "invalidator" | "auditor" | "ingress" | "team-service"} name
 * @param {{
 *   env: NodeJS.ProcessEnv,
 *   port: number,
 *   readyPort?: number,
 *   logDir: string,
 *   nodeArgs?: string[],
 *   entry?: string,
 * }} options
 *   env is the app's whole environment but for PORT, which is `port`; readyPort answers /health/ready; entry is
 *   what node runs in place of the app
 */
export function appProcess(
  name,
  { env, port, readyPort = port, logDir, nodeArgs = [], entry = join(APPS, name, "dist/main.js") },
) {
  return new ServerProcess({
    name,
    port,
    command: process.execPath,
    args: ["--enable-source-maps", ...nodeArgs, entry],
    env: { ...env, PORT: String(port) },
    logFile: join(logDir, `${name}-${port}.log`),
    stopSignal: "SIGTERM",
    answers: async () => {
      const url = `http://${LOOPBACK}:${readyPort}/health/ready`;
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
    },
  });
}

/**
 * Brings a database's tables up to date; rejects with what the migration wrote when it fails.
 * @param {string} databaseUrl
 * @param {AbortSignal} [signal]
 */
export async function migrate(databaseUrl, signal) {
  await runCommand(process.execPath, [join(APPS, "profile-service/dist/migrate.js")], {
    signal,
    env: { ...process.env, DATABASE_URL: databaseUrl },
  });
}

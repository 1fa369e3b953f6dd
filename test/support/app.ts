import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServerProcess } from "../../scripts/local/server-process.mjs";
import { uniqueName } from "./names.ts";
import { ownDir, startOwn } from "./own-servers.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface AppOptions {
  /** Everything that the app reads from its environment; nothing of the test's own environment reaches it but PATH. */
  env: Record<string, string>;
  /** Listening port of the readiness URL. */
  port: number;
  /** Path that answers 200 once the app does its job, such as "/health/ready". */
  readyPath: string;
  /** Further arguments for node, such as ["--import", "./crash.mjs"]. */
  nodeArgs?: string[];
}

/**
 * Starts a built app (`apps/<name>/dist/main.js`) as an OS process and resolves when it is ready. `kill()` is
 * kill -9, `stop()` a SIGTERM, `start()` starts it again, `log()` is all that it wrote.
 */
export async function startApp(
  name: "profile-service" | "invalidator",
  options: AppOptions,
): Promise<ServerProcess> {
  return startOwn(app(name, options));
}

/** The same, not started: for a start that is expected to fail. */
export function app(
  name: "profile-service" | "invalidator",
  { env, port, readyPath, nodeArgs = [] }: AppOptions,
): ServerProcess {
  return new ServerProcess({
    name,
    port,
    command: process.execPath,
    args: ["--enable-source-maps", ...nodeArgs, join(ROOT, `apps/${name}/dist/main.js`)],
    env: { PATH: process.env.PATH, ...env },
    logFile: join(ownDir(), `${uniqueName(name)}.log`),
    stopSignal: "SIGTERM",
    answers: async () => {
      const response = await fetch(`http://127.0.0.1:${port}${readyPath}`, {
        signal: AbortSignal.timeout(2_000),
      });
      if (!response.ok) throw new Error(`${readyPath} answers ${response.status}: ${await response.text()}`);
    },
  });
}

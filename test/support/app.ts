import { appProcess } from "../../scripts/local/apps.mjs";
import { type ServerProcess } from "../../scripts/local/server-process.mjs";
import { ownDir, startOwn } from "./own-servers.ts";

type AppName = "profile-service" | "invalidator" | "auditor" | "ingress";

interface AppOptions {
  /** The app's whole environment but for PORT and PATH: nothing of the test's own reaches it. */
  env: Record<string, string>;
  /** Handed over as PORT. */
  port: number;
  /** Where /health/ready answers, when that is another port. */
  readyPort?: number;
  /** Further arguments for node, such as ["--import", "./crash.mjs"]. */
  nodeArgs?: string[];
}

/** A built app (`apps/<name>/dist/main.js`), not started: for a start that is expected to fail. */
function ownApp(name: AppName, { env, ...options }: AppOptions): ServerProcess {
  return appProcess(name, { env: { PATH: process.env.PATH, ...env }, logDir: ownDir(), ...options });
}

/**
 * Starts a built app as an OS process and resolves when it is ready. `kill()` is kill -9, `stop()` a SIGTERM,
 * `start()` starts it again with the same settings, `log()` is all that it wrote.
 */
export async function startApp(name: AppName, options: AppOptions): Promise<ServerProcess> {
  return startOwn(ownApp(name, options));
}

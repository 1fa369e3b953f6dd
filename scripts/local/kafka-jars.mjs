import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./run-command.mjs";

const VERSION = "4.4.0";

/** Shared by all clones of the user. */
export function kafkaJarsDir() {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "freshet", `kafka-${VERSION}`);
}

/**
 * Fetches the broker's jars through Maven unless they are there. They appear under their final name in one
 * rename, and Maven's own repository lies beside them for the while: two installations at once, or one that
 * is killed, can't leave half a set behind.
 * @param {AbortSignal} [signal]
 */
export async function installKafkaJars(signal) {
  const target = kafkaJarsDir();
  if (existsSync(target)) return;
  removeAbandoned(target);
  const draft = `${target}.installing-${process.pid}`;
  const jars = join(draft, "jars");
  mkdirSync(jars, { recursive: true });
  try {
    const pom = fileURLToPath(new URL("kafka-pom.xml", import.meta.url));
    const repository = `-Dmaven.repo.local=${join(draft, "repository")}`;
    const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${jars}`];
    await runCommand("mvn", ["-B", "-q", "-f", pom, repository, ...goal], { signal });
    try {
      renameSync(jars, target);
    } catch (error) {
      // Somebody else's complete set came first.
      if (!existsSync(target)) throw error;
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/**
 * Removes what installations left that were killed.
 * @param {string} target
 */
function removeAbandoned(target) {
  if (!existsSync(dirname(target))) return;
  for (const name of readdirSync(dirname(target))) {
    const pid = name.startsWith(`${basename(target)}.installing-`) && name.split("-").at(-1);
    if (pid && !existsSync(`/proc/${pid}`))
      rmSync(join(dirname(target), name), { recursive: true, force: true });
  }
}

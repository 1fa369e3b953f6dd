import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { runCommand } from "./run-command.mjs";

const VERSION = "4.32.5";

/**
 * The command schemathesis: what $SCHEMATHESIS names, else the one on the path, else one of our own in the user's cache
 * folder, which is made at the first use.
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function findSchemathesis(signal) {
  const named = process.env.SCHEMATHESIS;
  if (named !== undefined && !runs(named))
    throw new Error(`SCHEMATHESIS=${named} does not run: name the command, or leave the variable out`);
  if (named !== undefined) return named;
  return runs("schemathesis") ? "schemathesis" : await ownSchemathesis(signal);
}

/** @param {AbortSignal} signal */
async function ownSchemathesis(signal) {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "freshet", `schemathesis-${VERSION}`);
  const command = join(folder, "bin", "schemathesis");
  if (existsSync(command)) return command;
  console.log(`installing schemathesis ${VERSION} (about 110 MB) into ${folder} …`);
  try {
    mkdirSync(dirname(folder), { recursive: true });
    await runCommand("python3", ["-m", "venv", "--clear", folder], { signal });
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await runCommand(join(folder, "bin", "python"), [...pip, `schemathesis==${VERSION}`], { signal });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    signal.throwIfAborted();
    throw new Error(
      `schemathesis could not be installed: ${error instanceof Error ? error.message : String(error)}\n` +
        "It needs Python 3.10 or later with venv and pip (apt-get install python3-venv). Or install it yourself, by\n" +
        `pip install schemathesis==${VERSION}, and name the command in SCHEMATHESIS.`,
      { cause: error },
    );
  }
  return command;
}

/** @param {string} command */
function runs(command) {
  return spawnSync(command, ["--version"]).status === 0;
}

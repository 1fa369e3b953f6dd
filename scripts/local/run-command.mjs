import { spawn } from "node:child_process";
import { once } from "node:events";
import { guarded } from "./server-process.mjs";

/**
 * Runs a command to its end in a process group of its own, so that an abort reaches everything it started.
 * Resolves when it succeeds; rejects with its last lines when it fails, and with the abort's reason once it
 * has really ended after an abort.
 * @param {string} command
 * @param {string[]} args
 * @param {{
 *   signal?: AbortSignal | undefined,
 *   stopSignal?: NodeJS.Signals,
 *   finishes?: boolean,
 *   env?: NodeJS.ProcessEnv,
 *   cwd?: string,
 *   onOutput?: (text: string) => void,
 *   unprivileged?: string[],
 * }} [options] stopSignal (SIGTERM unless told) is sent to all of the group at
 *   an abort, and SIGKILL 5 s later; with `finishes` to the command alone, which then ends in its own time;
 *   `unprivileged` as for servers
 * @returns {Promise<void>}
 */
export async function runCommand(command, args, options = {}) {
  const {
    signal,
    stopSignal = "SIGTERM",
    finishes = false,
    env = process.env,
    cwd,
    onOutput,
    unprivileged,
  } = options;
  signal?.throwIfAborted();
  const [file, argv] = guarded(command, args, { deathSignal: stopSignal, unprivileged });
  const child = spawn(file, argv, { detached: true, stdio: ["ignore", "pipe", "pipe"], env, cwd });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      output = (output + text).slice(-4_000);
      onOutput?.(text);
    });
  }
  /** @type {NodeJS.Timeout | undefined} */
  let killer;
  const stop = () => {
    if (child.pid === undefined) return;
    const group = -child.pid;
    process.kill(finishes ? child.pid : group, stopSignal);
    if (!finishes) killer = setTimeout(() => process.kill(group, "SIGKILL"), 5_000);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    // Closes when the last process of the group has let go of the pipes.
    const closed = /** @type {[number | null, NodeJS.Signals | null]} */ (await once(child, "close"));
    const [code, killedBy] = closed;
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`${command} ended with ${killedBy ?? code}:\n${output.trimEnd()}`);
  } finally {
    signal?.removeEventListener("abort", stop);
    clearTimeout(killer);
  }
}

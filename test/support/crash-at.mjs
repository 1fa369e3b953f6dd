// Kills its process as kill -9 does, at a step of the code: node --import ./test/support/crash-at.mjs main.js
// Steps publish on the diagnostics channels freshet:<area>.<step>; CRASH_AT names those that may kill, separated by
// commas. Armed while the file that CRASH_WHEN names exists: it holds the step, the number of its message that
// kills, and, where it is another process that is hit, that one's id and the signal. The file is gone once the
// signal is sent, so that the same command line starts the app again for good.
import { subscribe } from "node:diagnostics_channel";
import { readFileSync, rmSync } from "node:fs";

const { CRASH_AT: steps, CRASH_WHEN: file } = process.env;
if (!steps || !file) throw new Error("crash-at.mjs needs CRASH_AT and CRASH_WHEN");

for (const step of steps.split(",")) {
  let seen = 0;
  subscribe(step, () => {
    const armed = readArmed(file);
    if (armed?.step !== step) return;
    seen += 1;
    if (seen < armed.nth) return;
    // The test may have disarmed it meanwhile.
    rmSync(file, { force: true });
    process.kill(armed.pid ?? process.pid, armed.signal ?? "SIGKILL");
  });
}

/**
 * @param {string} path
 * @returns {{ step: string, nth: number, pid?: number, signal?: string } | undefined}
 */
function readArmed(path) {
  try {
    const [step = "", nth, pid, signal] = readFileSync(path, "utf8").split(" ");
    return { step, nth: Number(nth), ...(pid && signal ? { pid: Number(pid), signal } : {}) };
  } catch {
    return undefined;
  }
}

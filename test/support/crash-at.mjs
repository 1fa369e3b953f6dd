// Kills its process as kill -9 does, at a step of the code: node --import ./test/support/crash-at.mjs main.js
// Steps publish on the diagnostics channels freshet:<area>.<step>; CRASH_AT names one. Armed while the file that
// CRASH_WHEN names exists: it holds the number of the message that kills, and is gone when the process dies, so that
// the same command line starts it again for good.
import { subscribe } from "node:diagnostics_channel";
import { readFileSync, rmSync } from "node:fs";

const { CRASH_AT: step, CRASH_WHEN: file } = process.env;
if (!step || !file) throw new Error("crash-at.mjs needs CRASH_AT and CRASH_WHEN");

let seen = 0;
subscribe(step, () => {
  const nth = armedFor(file);
  if (nth === undefined) return;
  seen += 1;
  if (seen < nth) return;
  rmSync(file);
  process.kill(process.pid, "SIGKILL");
});

/**
 * @param {string} path
 * @returns {number | undefined}
 */
function armedFor(path) {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

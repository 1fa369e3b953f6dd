import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Makes a folder ours for as long as this process lives: two brokers on the same data would each fail in
 * their own words. Answers the pid of the living process that holds it already, if one does.
 * @param {string} dir
 * @returns {number | undefined}
 */
export function claimFolder(dir) {
  const file = join(dir, "pid");
  mkdirSync(dir, { recursive: true });
  const holder = Number(readIfThere(file) ?? "0");
  // A pid alone may have been given to somebody else since.
  const holds = readIfThere(`/proc/${holder}/cmdline`)?.includes("scripts/start.mjs");
  if (holds) return holder;
  writeFileSync(file, String(process.pid));
  return undefined;
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

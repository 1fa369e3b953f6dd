import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/**
 * Processor time that a process has used, in seconds (to 10 ms).
 * @param {number} pid
 */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/**
 * Processor time of a process and of those that it started and that still run, in seconds.
 * @param {number} pid
 */
export function familyCpuSeconds(pid) {
  return [pid, ...descendants(pid)].reduce((sum, member) => sum + cpuSeconds(member), 0);
}

/**
 * Resident memory in MB: the most that a process alone ever had, or what it and its children have now, shared
 * pages counted once.
 * @param {number} pid
 */
export function residentMb(pid) {
  const family = [pid, ...descendants(pid)];
  if (family.length === 1) return kilobytes(`/proc/${pid}/status`, "VmHWM") / 1_024;
  return family.reduce((sum, member) => sum + kilobytes(`/proc/${member}/smaps_rollup`, "Pss"), 0) / 1_024;
}

/**
 * @param {number} pid
 * @returns {number[]}
 */
function descendants(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/**
 * @param {string} file
 * @param {string} name
 */
function kilobytes(file, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(file, "utf8"))?.[1]);
}

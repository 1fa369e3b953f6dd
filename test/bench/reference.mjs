import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The report that documents quote and the guard compares with. */
export const referenceFile = fileURLToPath(new URL("reference.json", import.meta.url));

/** @typedef {import("./scenarios.mjs").Result} Result */
/** @typedef {{ processor: string, cores: number, memoryMb: number, node: string, memcached: string }} Machine */
/** @typedef {{ scenarios: Record<string, Result & { at: string, machine: Machine }> }} Report */

/** @returns {Report} */
export function readReference() {
  return existsSync(referenceFile) ? JSON.parse(readFileSync(referenceFile, "utf8")) : { scenarios: {} };
}

/** How Freshet stands to each peer, and to the goal, in Markdown. */
export function goalsMarkdown() {
  const rows = Object.values(readReference().scenarios).flatMap(({ ratios }) =>
    Object.entries(ratios).map(([name, { value, goal, atMost }]) => [
      name,
      value.median.toFixed(2),
      `${value.lowest.toFixed(2)}–${value.highest.toFixed(2)}`,
      goal === undefined ? "" : `${atMost ? "≤" : "≥"} ${goal}`,
      goal === undefined || (atMost ? value.median <= goal : value.median >= goal) ? "" : "missed",
    ]),
  );
  return markdownTable(["Freshet, and what it is compared with", "median", "spread", "goal", ""], rows);
}

/** The drain and the latency of the reference, in Markdown. */
export function headlineMarkdown() {
  const { drain, latency } = readReference().scenarios;
  return [drain, latency]
    .flatMap((result) => (result ? [`${result.title}:`, ...result.tables.slice(0, 1).map(toMarkdown)] : []))
    .join("\n\n");
}

/** Every table of the reference, in Markdown. */
export function referenceMarkdown() {
  const scenarios = Object.entries(readReference().scenarios);
  const machines = [...new Set(scenarios.map(([, { machine, at }]) => describe(machine, at)))];
  const parts = scenarios.map(
    ([name, { title, tables }]) =>
      `### ${name}\n\n${title}; median (lowest–highest).\n\n${tables.map(toMarkdown).join("\n\n")}`,
  );
  return [`Measured on ${machines.join("; ")}.`, ...parts].join("\n\n");
}

/**
 * @param {Machine} machine
 * @param {string} at
 */
function describe({ processor, cores, memoryMb, node, memcached }, at) {
  return `${processor}, ${cores} cores, ${Math.round(memoryMb / 1_024)} GB, Node ${node}, ${memcached}, ${at.slice(0, 10)}`;
}

/** @param {import("./scenarios.mjs").Table} table */
function toMarkdown({ headings, rows }) {
  return markdownTable(headings, rows);
}

/**
 * @param {readonly string[]} headings
 * @param {readonly (readonly string[])[]} rows
 */
function markdownTable(headings, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(" | ")} |`;
  const numbers = headings.map((_, column) => (column === 0 ? "---" : "--:"));
  return [line(headings), line(numbers), ...rows.map(line)].join("\n");
}

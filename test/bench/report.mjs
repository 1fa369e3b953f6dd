import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../.freshet/bench/", import.meta.url));

/** The folder of results, made when it is not there. */
export function resultsFolder() {
  mkdirSync(FOLDER, { recursive: true });
  return FOLDER;
}

/**
 * Puts results into the report beside those of other runs, so that a long one can be taken in parts; answers its path.
 * @param {Record<string, object>} results by scenario
 */
export function writeReport(results) {
  const file = join(resultsFolder(), "report.json");
  /** @type {{ scenarios?: object }} */
  const before = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const at = new Date().toISOString();
  const measured = Object.entries(results).map(([name, result]) => [
    name,
    { at, machine: machine(), ...result },
  ]);
  const scenarios = { ...before.scenarios, ...Object.fromEntries(measured) };
  writeFileSync(file, `${JSON.stringify({ scenarios }, undefined, 2)}\n`);
  return file;
}

function machine() {
  return {
    processor: cpus()[0]?.model,
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 1024 / 1024),
    node: process.version,
    memcached: spawnSync("memcached", ["-V"], { encoding: "utf8" }).stdout.trim(),
  };
}

/**
 * Prints rows below their headings, numbers to the right.
 * @param {readonly string[]} headings
 * @param {readonly (readonly string[])[]} rows
 */
function printTable(headings, rows) {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines)
    console.log(
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    );
}

/**
 * @param {number} value
 * @param {number} [digits] after the point
 */
export function number(value, digits = 0) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * "median (lowest–highest)".
 * @param {{ median: number, lowest: number, highest: number }} spread
 * @param {number} [digits]
 */
export function withSpread({ median, lowest, highest }, digits) {
  return `${number(median, digits)} (${number(lowest, digits)}–${number(highest, digits)})`;
}

/**
 * Prints the tables of one scenario, and how its ratios stand to their goals.
 * @param {import("./scenarios.mjs").Result} result
 */
export function printResult({ title, tables, ratios }) {
  console.log(`\n${title}; median (lowest–highest)`);
  for (const { headings, rows } of tables) {
    printTable(headings, rows);
    console.log();
  }
  for (const [name, { value, goal, atMost }] of Object.entries(ratios)) {
    const met = goal === undefined || (atMost ? value.median <= goal : value.median >= goal);
    const wanted =
      goal === undefined ? "" : `, goal ${atMost ? "≤" : "≥"} ${goal}: ${met ? "met" : "missed"}`;
    console.log(`${name}: ${withSpread(value, 2)}${wanted}`);
  }
}

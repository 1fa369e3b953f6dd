import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
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
 * Writes a result with what it was measured on; answers the file's path.
 * @param {string} what
 * @param {object} result
 */
export function writeResult(what, result) {
  const at = new Date().toISOString();
  const file = join(resultsFolder(), `${what}-${at.replaceAll(":", "-").slice(0, 19)}.json`);
  writeFileSync(file, `${JSON.stringify({ what, at, machine: machine(), ...result }, undefined, 2)}\n`);
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
export function printTable(headings, rows) {
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

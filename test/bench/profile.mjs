import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { drainByInvalidator } from "./drain.mjs";
import { publishEvents } from "./events.mjs";
import { BenchNodes } from "./nodes.mjs";
import { resultsFolder } from "./report.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PRELOAD = fileURLToPath(new URL("cpu-profiler.mjs", import.meta.url));

/** @typedef {import("node:inspector").Profiler.Profile} Profile */
/** @typedef {import("node:inspector").Runtime.CallFrame} CallFrame */

/**
 * Drains once under the CPU profiler and answers the profile's file and its costs.
 * @param {import("../../scripts/local/sandbox.mjs").Sandbox} sandbox
 * @param {{ events: number, signal: AbortSignal }} options
 */
export async function profileDrain(sandbox, { events, signal }) {
  const ids = Array.from({ length: events }, (_, n) => String(1_000_000 + n));
  await publishEvents({ brokers: sandbox.brokers, topic: sandbox.topic, ids, signal });
  const file = join(resultsFolder(), `invalidator-${Date.now()}.cpuprofile`);
  const nodes = new BenchNodes(sandbox.memcachedNodes);
  try {
    const drain = await drainByInvalidator(sandbox, nodes, {
      ids,
      nodeArgs: ["--import", PRELOAD],
      env: { CPU_PROFILE: file },
      signal,
      onDrained: async (pid) => {
        process.kill(pid, "SIGUSR2");
        await waitUntil("the profile", () => existsSync(file) && readProfile(file), {
          timeoutMs: 30_000,
          signal,
        });
      },
    });
    return { file, drain, costs: selfTimes(readProfile(file)) };
  } finally {
    nodes.close();
  }
}

/**
 * @param {string} file
 * @returns {Profile}
 */
function readProfile(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * Time spent in each function itself, as shares of the time that was not idle, highest first.
 * @param {Profile} profile
 * @returns {{ where: string, share: number }[]}
 */
function selfTimes({ nodes, samples = [], timeDeltas = [] }) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  /** @type {Map<string, number>} */
  const micros = new Map();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    if (!frame || frame.functionName === "(idle)") continue;
    const where = describe(frame);
    const delta = Math.max(0, timeDeltas[index] ?? 0);
    busy += delta;
    micros.set(where, (micros.get(where) ?? 0) + delta);
  }
  return [...micros]
    .map(([where, spent]) => ({ where, share: spent / busy }))
    .sort((a, b) => b.share - a.share);
}

/** @param {CallFrame} frame */
function describe({ functionName, url, lineNumber, columnNumber }) {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  if (!url.startsWith("file:")) return `${name} ${url}`;
  const path = fileURLToPath(url);
  const source = originalPosition(path, lineNumber, columnNumber) ?? { file: path, line: lineNumber + 1 };
  return `${name} ${relative(ROOT, source.file)}:${source.line}`;
}

/** @type {Map<string, SourceMap | undefined>} */
const maps = new Map();

/**
 * @param {string} path
 * @param {number} line from 0
 * @param {number} column from 0
 */
function originalPosition(path, line, column) {
  if (!maps.has(path)) {
    const file = `${path}.map`;
    maps.set(path, existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, "utf8"))) : undefined);
  }
  const entry = maps.get(path)?.findEntry(line, column);
  if (!entry || !("originalSource" in entry)) return undefined;
  return { file: join(path, "..", entry.originalSource), line: entry.originalLine + 1 };
}

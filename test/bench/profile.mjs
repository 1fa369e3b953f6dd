import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { prepareLoad, uniqueIds } from "./load.mjs";
import { BenchNodes } from "./nodes.mjs";
import { resultsFolder } from "./report.mjs";
import { drainByInvalidator } from "./runners.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PRELOAD = fileURLToPath(new URL("cpu-profiler.mjs", import.meta.url));

/** What a function is part of, by its file; the nearest caller that is named here decides. */
const STAGES = /** @type {const} */ ([
  ["fetch: kafkajs, and decoding its records", /kafkajs|libs\/kafka\/src\/fetch-response/],
  ["decode: JSON.parse, envelope", /contracts\/src\/(cloudevents|known-json|json-)|pipeline\/decode/],
  ["validate", /contracts\/src\/change-event/],
  ["coalesce", /dependency-graph\/src\/coalesce/],
  ["plan: routing values, keys", /dependency-graph|contracts\/src\/cache-key|pipeline\/plan/],
  ["write: node of each key", /cache\/src\/(topology|pool|bulk-invalidate)/],
  ["ack: answers of memcached", /cache\/src\/drivers\/(meta-parser|memjs)/],
  ["write: commands to memcached", /cache\/src\/drivers|pipeline\/execute/],
  ["commit: offsets, lag", /libs\/kafka/],
  ["report: metrics, live page", /invalidator\/src\/(operator|page)|prom-client|pino/],
]);
const COLLECTOR = "(garbage collector)";

/** @typedef {import("node:inspector").Profiler.Profile} Profile */
/** @typedef {import("node:inspector").Runtime.CallFrame} CallFrame */

/**
 * Drains once under the CPU profiler and answers the profile's file and its costs.
 * @param {import("../../scripts/local/sandbox.mjs").Sandbox} sandbox
 * @param {{ events: number, fanOut: number, signal: AbortSignal }} options
 */
export async function profileDrain(sandbox, { events, fanOut, signal }) {
  const load = await prepareLoad(sandbox, {
    name: `profile-${fanOut}`,
    ids: uniqueIds(events),
    fanOut,
    signal,
  });
  const file = join(resultsFolder(), `invalidator-${Date.now()}.cpuprofile`);
  const nodes = new BenchNodes(sandbox.memcachedNodes);
  try {
    const drain = await drainByInvalidator({
      sandbox,
      nodes,
      load,
      round: 0,
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
    const profile = readProfile(file);
    return { file: relative(ROOT, file), drain, stages: byStage(profile, events), costs: selfTimes(profile) };
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

/**
 * Processor time of the main thread by stage, in µs of one event, highest first.
 * @param {Profile} profile
 * @param {number} events
 */
function byStage({ nodes, samples = [], timeDeltas = [] }, events) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  /** @type {Map<number, string>} */
  const stages = new Map();
  /** @param {number} id @returns {string} */
  const stageOf = (id) => {
    const known = stages.get(id);
    if (known !== undefined) return known;
    const frame = byId.get(id)?.callFrame;
    const where = frame ? describe(frame) : "";
    const parent = parents.get(id);
    const named = STAGES.find(([, pattern]) => pattern.test(where))?.[0];
    const inherited = parent === undefined ? "other" : stageOf(parent);
    const stage = frame?.functionName === COLLECTOR ? "garbage collection" : (named ?? inherited);
    stages.set(id, stage);
    return stage;
  };
  /** @type {Map<string, number>} */
  const micros = new Map();
  for (const [index, id] of samples.entries()) {
    if (byId.get(id)?.callFrame.functionName === "(idle)") continue;
    const stage = stageOf(id);
    micros.set(stage, (micros.get(stage) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  }
  return [...micros]
    .map(([stage, spent]) => ({ stage, micros: spent / events }))
    .sort((a, b) => b.micros - a.micros);
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

// npm run bench: how fast, on servers of its own, on this machine, beside what others do with the same events.
//   npm run bench                          every scenario, a quarter of an hour; --quick: some minutes
//   npm run bench -- drain fan-out         some of them; their results go into the same report
//   npm run bench -- --list                what there is
//   npm run bench -- --guard               a few, compared with test/bench/reference.json: fails past a margin
//   npm run bench -- --write-reference     makes the report the reference
// --events=<n>, --rounds=<n>: of the drains. --no-install as for npm start.
import { copyFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { readReference, referenceFile } from "../test/bench/reference.mjs";
import { build } from "./build.mjs";
import { installWhatIsMissing } from "./local/install.mjs";
import { Sandbox } from "./local/sandbox.mjs";
import { abortAtStopSignals } from "./local/stop-signals.mjs";

const BOUND_MS = 60 * 60_000;
const REPORT = join(import.meta.dirname, "../.freshet/bench/report.json");
/** Of a node: none of the two million keys of the fan-out may be evicted. */
const MEMCACHED_MB = 512;
const GUARDED = ["drain", "fan-out", "zipf", "rules"];

const stopped = abortAtStopSignals();
const signal = AbortSignal.any([stopped, AbortSignal.timeout(BOUND_MS)]);
/** @type {Sandbox | undefined} */
let sandbox;

try {
  process.exitCode = (await bench()) ? 0 : 1;
} catch (error) {
  if (!stopped.aborted) console.error(error instanceof Error ? error.message : error);
  if (!stopped.aborted && sandbox) console.error(`logs: ${sandbox.logDir}`);
  process.exitCode = stopped.aborted ? 130 : 1;
} finally {
  await sandbox?.close({ keepLogs: process.exitCode === 1 });
}

async function bench() {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      events: { type: "string" },
      rounds: { type: "string" },
      list: { type: "boolean", default: false },
      guard: { type: "boolean", default: false },
      "write-reference": { type: "boolean", default: false },
      "no-install": { type: "boolean", default: false },
    },
  });
  if (options["write-reference"]) {
    copyFileSync(REPORT, referenceFile);
    console.log(
      `${relative(process.cwd(), referenceFile)}; npm run docs:settings puts it into the documents`,
    );
    return true;
  }
  const servers = { kafka: true, memcached: true };
  if (!(await installWhatIsMissing(servers, { allowed: !options["no-install"], signal }))) return false;
  await build(signal);
  const all = await scenarios();
  if (options.list) {
    for (const [name, { about }] of Object.entries(all)) console.log(`${name.padEnd(12)}${about}`);
    return true;
  }
  const names =
    positionals.length > 0 ? positionals : options.guard ? GUARDED : Object.keys(all).filter(isMeasured);
  const unknown = names.find((name) => !(name in all));
  if (unknown !== undefined) {
    console.error(`There is no benchmark "${unknown}": ${Object.keys(all).join(", ")}.`);
    return false;
  }
  const size = {
    quick: options.quick || options.guard,
    // The guard's are as many as the reference's: of fewer, or of two rounds, the ratios are others.
    events: Number(options.events ?? (options.quick ? 60_000 : 200_000)),
    rounds: Number(options.rounds ?? (options.quick ? 2 : 3)),
  };
  return await run(all, names, size, options.guard);
}

/** What is measured only by name: the profiler slows down what it looks at, and checks of the auditor take minutes. */
function isMeasured(/** @type {string} */ name) {
  return name !== "profile" && name !== "overhead";
}

/** @returns {Promise<Record<string, import("../test/bench/scenarios.mjs").Scenario>>} in the order they run */
async function scenarios() {
  // After the build, which they import.
  const drains = await import("../test/bench/scenarios.mjs");
  const others = await import("../test/bench/other-scenarios.mjs");
  const { drain, fanOut, zipf, partitions, nodes, values, memory } = drains;
  const { latency, rules, relay, write, read, restart, overhead, profile } = others;
  return {
    drain,
    "fan-out": fanOut,
    zipf,
    latency,
    rules,
    partitions,
    nodes,
    values,
    memory,
    relay,
    write,
    read,
    restart,
    overhead,
    profile,
  };
}

/**
 * @param {Record<string, import("../test/bench/scenarios.mjs").Scenario>} all
 * @param {readonly string[]} names
 * @param {import("../test/bench/scenarios.mjs").Size} size
 * @param {boolean} guard
 */
async function run(all, names, size, guard) {
  const { Progress } = await import("../test/bench/progress.mjs");
  const { printResult, writeReport } = await import("../test/bench/report.mjs");
  const { PARTITIONS } = await import("../test/bench/load.mjs");
  const { slowerThan } = await import("../test/bench/guard.mjs");
  console.log("starting servers of its own …");
  sandbox = await Sandbox.open("bench", { signal, partitions: PARTITIONS, memcachedMb: MEMCACHED_MB });
  const progress = new Progress(names);
  /** @type {Record<string, import("../test/bench/scenarios.mjs").Result>} */
  const results = {};
  let file = "";
  for (const name of names) {
    const scenario = all[name];
    if (!scenario) continue;
    const result = await scenario.run({ sandbox, size, signal, progress });
    progress.advance();
    printResult(result);
    results[name] = result;
    // At once: what was measured before a run is stopped is kept. The guard's short runs are none to keep.
    if (!guard) file = writeReport({ [name]: { size, ...result } });
  }
  console.log("\nNo drain has left a key in memcached (I1), and every event was committed.");
  if (!guard) {
    console.log(relative(process.cwd(), file));
    return true;
  }
  const slower = slowerThan(results, readReference());
  for (const what of slower) console.error(`slower than the reference: ${what}`);
  return slower.length === 0;
}

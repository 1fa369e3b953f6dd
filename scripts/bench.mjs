// npm run bench: how fast, on servers of its own, on this machine, beside what kafkajs alone can do.
//   npm run bench                drain of 200,000 events: the real invalidator, kafkajs, kafkajs + JSON.parse
//   npm run bench -- latency     commit → gone over 2,000 updates, beside Kafka's own produce → consume
//   npm run bench -- profile     where the invalidator's processor time goes during a drain
//   npm run bench -- read        hits of the reading cache, beside plain memjs.get
//   npm run bench -- plan        planning one event among 10 rules, and among 10,000 that do not concern it
//   npm run bench -- write       PATCH over HTTP, with and without the INSERT into the outbox
//   npm run bench -- overhead    the drain without metrics, with them, and with the auditor beside it
// --quick: fewer rounds and updates. --events=<n>, --rounds=<n>. --no-install as for npm start.
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { installWhatIsMissing } from "./local/install.mjs";
import { Sandbox } from "./local/sandbox.mjs";
import { abortAtStopSignals } from "./local/stop-signals.mjs";

const BOUND_MS = 15 * 60_000;
const PARTITIONS = 8;

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
      events: { type: "string", default: "200000" },
      rounds: { type: "string" },
      "no-install": { type: "boolean", default: false },
    },
  });
  const [what = "drain"] = positionals;
  const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));
  if (what === "plan") {
    await build();
    await plan({ quick: options.quick, rounds });
    return true;
  }
  const run = { drain, latency, overhead, profile, read, write }[what];
  if (!run) {
    console.error(`There is no benchmark "${what}": drain, latency, overhead, plan, profile, read, write.`);
    return false;
  }
  const servers = { kafka: true, memcached: true };
  if (!(await installWhatIsMissing(servers, { allowed: !options["no-install"], signal }))) return false;
  console.log("building, starting servers of its own …");
  sandbox = await Sandbox.open("bench", { signal, partitions: PARTITIONS });
  await run(sandbox, {
    quick: options.quick,
    events: Number(options.events),
    rounds,
  });
  return true;
}

/** @param {{ quick: boolean, rounds: number }} size */
async function plan({ quick, rounds }) {
  const { measurePlans } = await import("../test/bench/plan.mjs");
  const { printTable, withSpread, writeResult } = await import("../test/bench/report.mjs");
  const plans = quick ? 50_000 : 300_000;
  const results = measurePlans({ plans, rounds, signal });
  console.log(`\n${plans} plans of 4 keys a round; median (lowest–highest) of ${rounds} rounds`);
  printTable(
    ["the rules beside it are of", "ns/event, 10 rules", "ns/event, 10,000 rules", "10,000 to 10"],
    results.map(({ others, few, many, ratio }) => [
      others,
      withSpread(few),
      withSpread(many),
      withSpread(ratio, 2),
    ]),
  );
  console.log(`\n${relative(process.cwd(), writeResult("plan", { plans, rounds, results }))}`);
}

/** @typedef {{ quick: boolean, events: number, rounds: number }} Size */

/**
 * @param {Sandbox} sandbox
 * @param {Size} size
 */
async function drain(sandbox, { events, rounds }) {
  const { drainSteps, measureDrain } = await import("../test/bench/drain.mjs");
  const { Progress } = await import("../test/bench/progress.mjs");
  const { printTable, withSpread, writeResult } = await import("../test/bench/report.mjs");
  const progress = new Progress(drainSteps(rounds));
  const result = await measureDrain(sandbox, { events, rounds, signal, progress });
  progress.end();
  const { runners, invalidatorTo } = result.summary;
  console.log(
    `\nDrain of ${events} events of ${result.eventBytes} bytes, ${PARTITIONS} partitions, fan-out 1, unique keys; ` +
      `median (lowest–highest) of ${rounds} rounds`,
  );
  printTable(
    ["", "events/s", "CPU µs/event", "peak MB"],
    runners.map(({ runner, eventsPerSecond, cpuMicrosPerEvent, peakMb }) => [
      runner,
      withSpread(eventsPerSecond),
      withSpread(cpuMicrosPerEvent, 2),
      withSpread(peakMb),
    ]),
  );
  console.log();
  printTable(
    ["invalidator in proportion to", "events/s", "CPU/event"],
    invalidatorTo.map(({ peer, eventsPerSecond, cpuMicrosPerEvent }) => [
      peer,
      withSpread(eventsPerSecond, 2),
      withSpread(cpuMicrosPerEvent, 2),
    ]),
  );
  console.log("\nNo key was left in memcached after any round (I1), and every event was committed.");
  const file = writeResult("drain", { events, rounds, partitions: PARTITIONS, ...result });
  console.log(relative(process.cwd(), file));
}

/**
 * @param {Sandbox} sandbox
 * @param {Size} size
 */
async function latency(sandbox, { quick }) {
  const { latencySteps, measureLatency } = await import("../test/bench/latency.mjs");
  const { Progress } = await import("../test/bench/progress.mjs");
  const { number, printTable, writeResult } = await import("../test/bench/report.mjs");
  const updates = quick ? 300 : 2_000;
  const progress = new Progress(latencySteps(updates));
  const result = await measureLatency(sandbox, { updates, ratePerSecond: 50, signal, progress });
  progress.end();
  const { commitToGoneMs, floorMs, memory, ratePerSecond } = result;
  console.log(`\n${updates} updates, ${ratePerSecond} a second, WRITER_DELETE=off; milliseconds`);
  printTable(
    ["", "p50", "p90", "p99", "max"],
    [
      { name: "commit → gone (a reader polls each ms)", ms: commitToGoneMs },
      { name: "floor: produce → consume by bare kafkajs", ms: floorMs },
    ].map(({ name, ms }) => [name, ...[ms.p50, ms.p90, ms.p99, ms.max].map((value) => number(value, 1))]),
  );
  console.log();
  printTable(
    ["resident memory", "MB"],
    memory.map(({ name, mb }) => [name, number(mb)]),
  );
  const file = writeResult("latency", { updates, ...result });
  console.log(`\n${relative(process.cwd(), file)}`);
}

/**
 * @param {Sandbox} sandbox
 * @param {Size} size
 */
async function profile(sandbox, { events }) {
  const { profileDrain } = await import("../test/bench/profile.mjs");
  const { number, printTable } = await import("../test/bench/report.mjs");
  const { file, drain, costs } = await profileDrain(sandbox, { events, signal });
  printTable(
    ["self time of the invalidator's process while it drains", "%"],
    costs.slice(0, 40).map(({ where, share }) => [where, number(share * 100, 1)]),
  );
  console.log(`\n${number(drain.eventsPerSecond)} events/s under the profiler`);
  console.log(relative(process.cwd(), file));
}

/**
 * @param {Sandbox} sandbox
 * @param {Size} size
 */
async function read(sandbox, { quick, rounds }) {
  const { measureReads, readSteps } = await import("../test/bench/read.mjs");
  const { Progress } = await import("../test/bench/progress.mjs");
  const { printTable, withSpread, writeResult } = await import("../test/bench/report.mjs");
  const [node = ""] = sandbox.memcachedNodes;
  const reads = quick ? 2_000 : 5_000;
  const progress = new Progress(readSteps(rounds));
  const result = await measureReads({ node, reads, rounds, signal, progress });
  progress.end();
  console.log(`\n${reads} hits, one process, one node; median (lowest–highest) of ${rounds} rounds`);
  printTable(
    ["", "", "", "reads/s", "CPU µs/read", "speed to memjs.get", "CPU to memjs.get"],
    result.results.map(({ name, size, atOnce, readsPerSecond, cpuMicros, speedToPeer, cpuToPeer }) => [
      name,
      size,
      atOnce,
      withSpread(readsPerSecond),
      withSpread(cpuMicros, 1),
      withSpread(speedToPeer, 2),
      withSpread(cpuToPeer, 2),
    ]),
  );
  const file = writeResult("read", { reads, rounds, ...result });
  console.log(`\n${relative(process.cwd(), file)}`);
}

/**
 * @param {Sandbox} sandbox
 * @param {Size} size
 */
async function write(sandbox, { quick, rounds }) {
  const { measureWrites, writeSteps } = await import("../test/bench/write.mjs");
  const { Progress } = await import("../test/bench/progress.mjs");
  const { number, printTable, withSpread, writeResult } = await import("../test/bench/report.mjs");
  const turns = quick ? 6 : rounds * 8;
  const progress = new Progress(writeSteps());
  const result = await measureWrites(sandbox, { turns, signal, progress });
  progress.end();
  console.log(
    `\nPATCH on kept connections; median (lowest–highest) of ${turns} turns, in turn with each other`,
  );
  printTable(
    ["", "at once", "PATCH/s", "p50 ms", "p99 ms", "CPU µs/PATCH", "PATCH/s to without", "p50", "CPU"],
    result.results.map((one) => [
      one.name,
      String(one.concurrency),
      withSpread(one.requestsPerSecond),
      withSpread(one.p50, 1),
      withSpread(one.p99, 1),
      number(one.cpuMicros),
      number(one.throughputToBase.median, 2),
      number(one.p50ToBase.median, 2),
      number(one.cpuOfBase, 2),
    ]),
  );
  const file = writeResult("write", { turns, ...result });
  console.log(`\n${relative(process.cwd(), file)}`);
}

/**
 * @param {Sandbox} sandbox
 * @param {Size} size
 */
async function overhead(sandbox, { events, rounds }) {
  const { measureOverhead, overheadSteps } = await import("../test/bench/overhead.mjs");
  const { Progress } = await import("../test/bench/progress.mjs");
  const { printTable, withSpread, writeResult } = await import("../test/bench/report.mjs");
  const progress = new Progress(overheadSteps(rounds));
  const size = { events, rounds, partitions: PARTITIONS };
  const result = await measureOverhead(sandbox, { ...size, signal, progress });
  progress.end();
  console.log(
    `\nDrain of ${events} events, ${PARTITIONS} partitions, fan-out 1; median (lowest–highest) of ${rounds} rounds`,
  );
  printTable(
    ["the invalidator", "events/s", "CPU µs/event", "peak MB", "events/s to without", "CPU to without"],
    result.results.map((one) => [
      one.name,
      withSpread(one.eventsPerSecond),
      withSpread(one.cpuMicrosPerEvent, 2),
      withSpread(one.peakMb),
      withSpread(one.eventsPerSecondToBase, 2),
      withSpread(one.cpuToBase, 2),
    ]),
  );
  for (const { audit } of result.results)
    if (audit) {
      console.log(`\nThe auditor took every event; each of its ${audit.checks} checks a round was fresh.`);
      printTable(
        ["the auditor", ""],
        [
          ["CPU µs to take an event", withSpread(audit.readMicrosPerEvent, 2)],
          ["CPU µs a check", withSpread(audit.microsPerCheck, 2)],
          ["CPU µs of memcached a check", withSpread(audit.nodeMicrosPerCheck, 2)],
          ["peak MB", withSpread(audit.mb)],
        ],
      );
    }
  console.log(`\n${relative(process.cwd(), writeResult("overhead", { ...size, ...result }))}`);
}

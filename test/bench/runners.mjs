import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { defaultConsumerSettings } from "@freshet/kafka";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { runCommand } from "../../scripts/local/run-command.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { cpuSeconds, residentMb } from "./processes.mjs";

const SAMPLE_MS = 5;
/** A drain that takes less is over within a few looks at memcached. */
const LEAST_MS = 10 * SAMPLE_MS;
const DRAIN_TIMEOUT_MS = 180_000;
const PEER = fileURLToPath(new URL("peer.mjs", import.meta.url));
const PEER_NEST = fileURLToPath(new URL("peer-nest.mjs", import.meta.url));
const RAW_DELETES = fileURLToPath(new URL("raw-deletes.mjs", import.meta.url));

/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */
/** @typedef {import("./load.mjs").Load} Load */
/** @typedef {import("./nodes.mjs").BenchNodes} BenchNodes */
/**
 * One drain: how fast, at what price. The price is processor time of the consumer's process alone.
 * @typedef {{ eventsPerSecond: number, cpuMicrosPerEvent: number, peakMb: number }} Drain
 */
/**
 * What a runner is given in each round.
 * @typedef {{ sandbox: Sandbox, nodes: BenchNodes, load: Load, round: number, signal: AbortSignal,
 *   env?: NodeJS.ProcessEnv, nodeArgs?: string[], onDrained?: (pid: number) => Promise<void> }} Round
 */
/** @typedef {{ name: string, drain: (round: Round) => Promise<Drain> }} Runner */

/** @type {Runner} */
export const nothing = { name: "kafkajs, doing nothing", drain: (round) => readByPeer(round, "nothing") };

/** @type {Runner} */
export const parse = { name: "kafkajs + JSON.parse", drain: (round) => readByPeer(round, "parse") };

/** @type {Runner} */
export const nest = {
  name: "Nest ServerKafka + awaited memjs.delete",
  drain: (round) => drainByPeer(round, PEER_NEST, {}),
};

/** @type {Runner} */
export const memjsBatches = {
  name: "eachBatch + memjs, 1,000 in flight",
  drain: (round) => drainByPeer(round, PEER, { WORK: "delete" }),
};

/** @type {Runner} */
export const overMemjs = {
  name: "Freshet over memjs",
  drain: (round) => drainByInvalidator({ ...round, env: { ...round.env, DELETE_PROTOCOL: "binary" } }),
};

/** @type {Runner} */
export const freshet = { name: "Freshet", drain: drainByInvalidator };

/** @type {Runner} */
export const rawDeletes = { name: "raw meta deletes, no Kafka", drain: deleteRaw };

/**
 * Fills memcached, drains by a new invalidator process, and holds it to I1: a key that is left fails the run.
 * @param {Round} round
 * @returns {Promise<Drain>}
 */
export async function drainByInvalidator({ sandbox, nodes, load, signal, env, nodeArgs = [], onDrained }) {
  await nodes.fill(load.keys);
  const deployment = `bench-${process.hrtime.bigint()}`;
  const invalidator = sandbox.invalidator({
    nodeArgs,
    env: { MANIFESTS_DIR: load.manifestsDir, DEPLOYMENT: deployment, ...env },
  });
  const starting = invalidator.start(signal);
  try {
    const pid = await waitUntil("the invalidator's process", () => invalidator.pid, {
      timeoutMs: 5_000,
      signal,
    });
    const drain = await watchDrain({ nodes, load, pid, signal });
    await starting;
    await allCommitted(sandbox, load, `freshet.${deployment}.profiles`, signal);
    await expectNoKeys(nodes);
    await onDrained?.(pid);
    return { ...drain, peakMb: residentMb(pid) };
  } finally {
    await starting.catch(() => undefined);
    await invalidator.stop();
  }
}

/**
 * Every event is below the group's committed offsets.
 * @param {Sandbox} sandbox
 * @param {Load} load
 * @param {string} groupId
 * @param {AbortSignal} signal
 */
export async function allCommitted({ brokers }, { topic, events }, groupId, signal) {
  await kafkaAdmin(brokers, (admin) =>
    waitUntil(
      `commits of ${events} events by ${groupId}`,
      async () => {
        const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
        return group?.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0) === events;
      },
      { timeoutMs: 60_000, signal },
    ),
  );
}

/**
 * From the moment the warm-up's keys are gone until the last one is.
 * @param {{ nodes: BenchNodes, load: Load, pid: number, signal: AbortSignal }} options
 * @returns {Promise<Drain>}
 */
async function watchDrain({ nodes, load: { keys, warmUpKeys, measuredEvents }, pid, signal }) {
  const left = (/** @type {number} */ most) =>
    waitUntil(
      `${most} keys left in memcached, ${keys.length} at the start`,
      async () =>
        (await nodes.count()) <= most ? { ms: performance.now(), cpu: cpuSeconds(pid) } : undefined,
      { timeoutMs: DRAIN_TIMEOUT_MS, intervalMs: SAMPLE_MS, signal },
    );
  const start = await left(keys.length - warmUpKeys);
  const end = await left(0);
  if (end.ms - start.ms < LEAST_MS)
    throw new Error(`drained within ${LEAST_MS} ms: too few events to measure, ask for more by --events`);
  return {
    eventsPerSecond: (measuredEvents * 1_000) / (end.ms - start.ms),
    cpuMicrosPerEvent: ((end.cpu - start.cpu) * 1_000_000) / measuredEvents,
    peakMb: residentMb(pid),
  };
}

/** @param {BenchNodes} nodes */
async function expectNoKeys(nodes) {
  const stale = await nodes.keys();
  if (stale.length > 0) throw new Error(`stale after the drain (I1): ${stale.slice(0, 5).join(", ")}`);
}

/**
 * @param {Round} round
 * @param {NodeJS.ProcessEnv} [more]
 */
function peerEnvironment({ sandbox, load, nodes }, more) {
  const { maxBytesPerPartition, maxWaitTimeMs } = defaultConsumerSettings;
  return {
    PATH: process.env.PATH,
    BROKERS: sandbox.brokers.join(","),
    TOPIC: load.topic,
    GROUP: `bench-peer-${process.hrtime.bigint()}`,
    NODES: nodes.names.join(","),
    PREFIXES: [...new Set(load.keys.slice(0, load.fanOut).map((key) => key.slice(0, key.indexOf(":"))))].join(
      ",",
    ),
    EVENTS: String(load.events),
    WARM_UP: String(load.warmUpEvents),
    MAX_BYTES_PER_PARTITION: String(maxBytesPerPartition),
    MAX_WAIT_MS: String(maxWaitTimeMs),
    ...more,
  };
}

/**
 * @param {Round} round
 * @param {"nothing" | "parse"} work
 * @returns {Promise<Drain>}
 */
async function readByPeer(round, work) {
  let output = "";
  await runCommand(process.execPath, [PEER], {
    signal: AbortSignal.any([round.signal, AbortSignal.timeout(DRAIN_TIMEOUT_MS)]),
    env: peerEnvironment(round, { WORK: work }),
    onOutput: (text) => {
      output += text;
    },
  });
  return JSON.parse(output);
}

/**
 * A peer that deletes: watched and held to I1 as the invalidator is.
 * @param {Round} round
 * @param {string} file
 * @param {NodeJS.ProcessEnv} more
 * @returns {Promise<Drain>}
 */
async function drainByPeer(round, file, more) {
  const { nodes, load, signal } = round;
  await nodes.fill(load.keys, "modulo"); // where memjs looks for them
  const peer = spawn(process.execPath, [file], {
    env: peerEnvironment(round, more),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise((resolve) => peer.once("close", resolve));
  try {
    if (peer.pid === undefined) throw new Error(`${file} does not start`);
    const drain = await watchDrain({ nodes, load, pid: peer.pid, signal });
    await expectNoKeys(nodes);
    return drain;
  } finally {
    peer.kill("SIGKILL");
    await ended;
  }
}

/**
 * The same keys, told of in memory: what memcached and a socket take at most.
 * @param {Round} round
 * @returns {Promise<Drain>}
 */
async function deleteRaw({ nodes, load, signal }) {
  await nodes.fill(load.keys);
  const child = spawn(process.execPath, [RAW_DELETES], {
    stdio: ["pipe", "pipe", "inherit"],
    signal,
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ data) => (output += data));
  child.stdin.end(JSON.stringify([...nodes.owned(load.keys)]));
  await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  await expectNoKeys(nodes);
  const { keysPerSecond, cpuMicrosPerKey } = JSON.parse(output);
  return {
    eventsPerSecond: keysPerSecond / load.fanOut,
    cpuMicrosPerEvent: cpuMicrosPerKey * load.fanOut,
    peakMb: NaN,
  };
}

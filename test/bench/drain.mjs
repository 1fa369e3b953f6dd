import { fileURLToPath } from "node:url";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { runCommand } from "../../scripts/local/run-command.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { publishEvents } from "./events.mjs";
import { BenchNodes } from "./nodes.mjs";
import { cpuSeconds, residentMb } from "./processes.mjs";
import { spread } from "./statistics.mjs";

/** The events drained before the clock starts: the first ones meet code that is not compiled yet. */
const WARM_UP_SHARE = 0.1;
const SAMPLE_MS = 5;
const DRAIN_TIMEOUT_MS = 60_000;
const MANIFESTS = fileURLToPath(new URL("manifests", import.meta.url));
const PEER = fileURLToPath(new URL("peer.mjs", import.meta.url));

/**
 * One drain: how fast, at what price. The price is processor time of the consumer's process alone.
 * @typedef {{ eventsPerSecond: number, cpuMicrosPerEvent: number, peakMb: number }} Drain
 */
/** @typedef {"kafkajs, doing nothing" | "kafkajs + JSON.parse" | "invalidator"} Runner */
/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */
/**
 * @typedef {object} DrainOptions
 * @property {number} events
 * @property {number} rounds
 * @property {AbortSignal} signal
 * @property {import("./progress.mjs").Progress} progress
 */

/** @type {readonly Runner[]} */
const RUNNERS = ["kafkajs, doing nothing", "kafkajs + JSON.parse", "invalidator"];

/** Steps of a run, for its progress bar. */
export const drainSteps = (/** @type {number} */ rounds) => 1 + rounds * RUNNERS.length;

/**
 * Drains the same topic by every runner in turn, each time by a new process and group, round after round.
 * @param {Sandbox} sandbox
 * @param {DrainOptions} options
 */
export async function measureDrain(sandbox, { events, rounds, signal, progress }) {
  const ids = Array.from({ length: events }, (_, n) => String(1_000_000 + n));
  progress.next(`publishing ${events} events`);
  const eventBytes = await publishEvents({ brokers: sandbox.brokers, topic: sandbox.topic, ids, signal });
  const nodes = new BenchNodes(sandbox.memcachedNodes);
  try {
    /** @type {Record<Runner, Drain[]>} */
    const drains = { "kafkajs, doing nothing": [], "kafkajs + JSON.parse": [], invalidator: [] };
    for (let round = 0; round < rounds; round += 1) {
      // Each round begins with another one: nobody always runs on the machine that somebody else has warmed.
      for (let turn = 0; turn < RUNNERS.length; turn += 1) {
        const runner = RUNNERS[(round + turn) % RUNNERS.length] ?? "invalidator";
        progress.next(`round ${round + 1} of ${rounds}: ${runner}`);
        const drain =
          runner === "invalidator"
            ? await drainByInvalidator(sandbox, nodes, { ids, signal })
            : await drainByPeer(sandbox, { runner, events, group: `${runner}-${round}`, signal });
        drains[runner].push(drain);
      }
    }
    return { eventBytes, drains, summary: summarise(drains) };
  } finally {
    nodes.close();
  }
}

/**
 * Fills memcached, drains by a new invalidator process, and holds it to I1: a key that is left fails the run.
 * @param {Sandbox} sandbox
 * @param {BenchNodes} nodes
 * @param {{ ids: readonly string[], nodeArgs?: string[], env?: NodeJS.ProcessEnv, signal: AbortSignal,
 *   onDrained?: (pid: number) => Promise<void> }} options
 * @returns {Promise<Drain>}
 */
export async function drainByInvalidator(sandbox, nodes, { ids, nodeArgs = [], env, signal, onDrained }) {
  await nodes.fill(ids.map((id) => `user_profile:${id}`));
  const deployment = `bench-${process.hrtime.bigint()}`;
  const invalidator = sandbox.invalidator({
    nodeArgs,
    env: { MANIFESTS_DIR: MANIFESTS, DEPLOYMENT: deployment, ...env },
  });
  const starting = invalidator.start(signal);
  try {
    const pid = await waitUntil("the invalidator's process", () => invalidator.pid, {
      timeoutMs: 5_000,
      signal,
    });
    const left = (/** @type {number} */ most) =>
      waitUntil(
        `${most} keys left in memcached, ${ids.length} at the start`,
        async () => {
          const count = await nodes.count();
          return count <= most ? { count, ms: performance.now(), cpu: cpuSeconds(pid) } : undefined;
        },
        { timeoutMs: DRAIN_TIMEOUT_MS, intervalMs: SAMPLE_MS, signal },
      );
    const start = await left(Math.floor(ids.length * (1 - WARM_UP_SHARE)));
    const end = await left(0);
    await starting;
    await allCommitted(sandbox, `freshet.${deployment}.profiles`, ids.length, signal);
    const stale = await nodes.keys();
    if (stale.length > 0) throw new Error(`stale after the drain (I1): ${stale.slice(0, 5).join(", ")}`);
    await onDrained?.(pid);
    const drained = start.count - end.count;
    return {
      eventsPerSecond: (drained * 1_000) / (end.ms - start.ms),
      cpuMicrosPerEvent: ((end.cpu - start.cpu) * 1_000_000) / drained,
      peakMb: residentMb(pid),
    };
  } finally {
    await starting.catch(() => undefined);
    await invalidator.stop();
  }
}

/**
 * Every event is below the group's committed offsets.
 * @param {Sandbox} sandbox
 * @param {string} groupId
 * @param {number} events
 * @param {AbortSignal} signal
 */
async function allCommitted({ brokers, topic }, groupId, events, signal) {
  await kafkaAdmin(brokers, (admin) =>
    waitUntil(
      `commits of ${events} events by ${groupId}`,
      async () => {
        const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
        return group?.partitions.reduce((sum, { offset }) => sum + Number(offset), 0) === events;
      },
      { timeoutMs: 30_000, signal },
    ),
  );
}

/**
 * @param {Sandbox} sandbox
 * @param {{ runner: Runner, events: number, group: string, signal: AbortSignal }} options
 * @returns {Promise<Drain>}
 */
async function drainByPeer({ brokers, topic }, { runner, events, group, signal }) {
  let output = "";
  await runCommand(process.execPath, [PEER], {
    signal: AbortSignal.any([signal, AbortSignal.timeout(DRAIN_TIMEOUT_MS)]),
    env: {
      PATH: process.env.PATH,
      BROKERS: brokers.join(","),
      TOPIC: topic,
      GROUP: group,
      EVENTS: String(events),
      WARM_UP: String(Math.ceil(events * WARM_UP_SHARE)),
      WORK: runner === "kafkajs + JSON.parse" ? "parse" : "nothing",
    },
    onOutput: (text) => {
      output += text;
    },
  });
  return JSON.parse(output);
}

/** @param {Record<Runner, Drain[]>} drains */
function summarise(drains) {
  const ofAll = (/** @type {Runner} */ runner, /** @type {keyof Drain} */ what) =>
    spread(drains[runner].map((drain) => drain[what]));
  // Within one round each: the machine's other load then weighs on both.
  const ratio = (/** @type {Runner} */ peer, /** @type {keyof Drain} */ what) =>
    spread(drains.invalidator.map((drain, round) => drain[what] / (drains[peer][round]?.[what] ?? NaN)));
  return {
    runners: RUNNERS.map((runner) => ({
      runner,
      eventsPerSecond: ofAll(runner, "eventsPerSecond"),
      cpuMicrosPerEvent: ofAll(runner, "cpuMicrosPerEvent"),
      peakMb: ofAll(runner, "peakMb"),
    })),
    invalidatorTo: RUNNERS.slice(0, 2).map((peer) => ({
      peer,
      eventsPerSecond: ratio(peer, "eventsPerSecond"),
      cpuMicrosPerEvent: ratio(peer, "cpuMicrosPerEvent"),
    })),
  };
}

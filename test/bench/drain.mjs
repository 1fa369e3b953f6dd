import { BenchNodes } from "./nodes.mjs";
import { spread } from "./statistics.mjs";

/** @typedef {import("./runners.mjs").Drain} Drain */
/** @typedef {import("./runners.mjs").Runner} Runner */
/**
 * @typedef {object} DrainOptions
 * @property {import("../../scripts/local/sandbox.mjs").Sandbox} sandbox
 * @property {import("./load.mjs").Load} load
 * @property {readonly Runner[]} runners the last one is compared with each of the others
 * @property {number} rounds
 * @property {readonly string[]} [memcached] host:port each
 * @property {NodeJS.ProcessEnv} [env] of the invalidator
 * @property {AbortSignal} signal
 * @property {import("./progress.mjs").Progress} progress
 */

/**
 * Drains the same topic by every runner in turn, each time by a new process and group, round after round.
 * @param {DrainOptions} options
 */
export async function measureDrain({ sandbox, load, runners, rounds, memcached, env, signal, progress }) {
  const nodes = new BenchNodes(memcached ?? sandbox.memcachedNodes);
  try {
    /** @type {Map<string, Drain[]>} */
    const drains = new Map(runners.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      // Each round begins with another one: nobody always runs on the machine that somebody else has warmed.
      for (let turn = 0; turn < runners.length; turn += 1) {
        const runner = runners[(round + turn) % runners.length];
        if (!runner) continue;
        progress.next(`round ${round + 1} of ${rounds}: ${runner.name}`);
        const drain = await runner.drain({ sandbox, nodes, load, round, signal, ...(env && { env }) });
        drains.get(runner.name)?.push(drain);
      }
    }
    return summarise(drains);
  } finally {
    nodes.close();
  }
}

/** @param {ReadonlyMap<string, readonly Drain[]>} drains */
function summarise(drains) {
  const [own = "", ownDrains = []] = [...drains].at(-1) ?? [];
  return [...drains].map(([runner, all]) => {
    const of = (/** @type {keyof Drain} */ what) => spread(all.map((drain) => drain[what]));
    // Within one round each: the machine's other load then weighs on both.
    const ratio = (/** @type {keyof Drain} */ what) =>
      spread(ownDrains.map((drain, round) => drain[what] / (all[round]?.[what] ?? NaN)));
    return {
      runner,
      eventsPerSecond: of("eventsPerSecond"),
      cpuMicrosPerEvent: of("cpuMicrosPerEvent"),
      peakMb: of("peakMb"),
      ...(runner !== own && { speedOfLast: ratio("eventsPerSecond"), cpuOfLast: ratio("cpuMicrosPerEvent") }),
    };
  });
}

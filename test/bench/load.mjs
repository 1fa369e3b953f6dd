import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { publishEvents } from "./events.mjs";

/** Of a topic, unless a scenario is about their number. */
export const PARTITIONS = 8;
/** The events drained before the clock starts: the first ones meet code that is not compiled yet. */
const WARM_UP_SHARE = 0.1;

/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */
/**
 * Events that wait in a topic of their own, and what they invalidate.
 * @typedef {object} Load
 * @property {string} topic
 * @property {string} manifestsDir
 * @property {number} events
 * @property {number} warmUpEvents
 * @property {readonly string[]} keys each once
 * @property {number} warmUpKeys of them, how many are gone when the clock starts
 * @property {number} measuredEvents what is drained from then on
 * @property {number} fanOut keys of one event
 * @property {number} eventBytes
 */

/**
 * Makes the topic and the manifests and publishes one event for each id.
 * @param {Sandbox} sandbox
 * @param {{ name: string, ids: readonly string[], fanOut?: number, partitions?: number, padBytes?: number,
 *   fill?: number, signal: AbortSignal }} options
 *   fill: of so many ids at most, the last ones, the keys are cached and watched
 * @returns {Promise<Load>}
 */
export async function prepareLoad(sandbox, options) {
  const { name, ids, fanOut = 1, partitions = PARTITIONS, padBytes = 0, fill = ids.length, signal } = options;
  const topic = `${name}.events.v1`;
  await ensureTopics(sandbox.brokers, [topic], { partitions });
  const eventBytes = await publishEvents({ brokers: sandbox.brokers, topic, ids, padBytes, signal });
  const events = ids.length;
  const warmUpEvents = Math.ceil(events * WARM_UP_SHARE);
  const watched = ids.slice(events - fill);
  const warmUp = watched.slice(0, Math.ceil(watched.length * WARM_UP_SHARE));
  return {
    topic,
    manifestsDir: writeManifests(join(sandbox.dir, `manifests-${name}`), topic, fanOut),
    events,
    warmUpEvents,
    keys: [...new Set(watched)].flatMap((id) => prefixes(fanOut).map((prefix) => `${prefix}:${id}`)),
    warmUpKeys: new Set(warmUp).size * fanOut,
    measuredEvents: watched.length - warmUp.length,
    fanOut,
    eventBytes,
  };
}

/**
 * Ids that are each used once.
 * @param {number} count
 */
export function uniqueIds(count) {
  return Array.from({ length: count }, (_, n) => String(1_000_000 + n));
}

/**
 * Ids of which few are used often: the nth of 100,000 in proportion to 1/n^0.99, the same ones in each run.
 * @param {number} count
 */
export function zipfIds(count) {
  const weights = Array.from({ length: 100_000 }, (_, n) => 1 / (n + 1) ** 0.99);
  let sum = 0;
  const sums = weights.map((weight) => (sum += weight));
  let state = 42;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const wanted = (state / 2 ** 32) * sum;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return String(1_000_000 + low);
  });
}

/** @param {number} fanOut */
function prefixes(fanOut) {
  return fanOut === 1 ? ["user_profile"] : Array.from({ length: fanOut }, (_, n) => `view_${n}`);
}

/**
 * One event type and as many views as it invalidates keys; JSON is YAML.
 * @param {string} folder
 * @param {string} topic
 * @param {number} fanOut
 */
export function writeManifests(folder, topic, fanOut) {
  mkdirSync(folder, { recursive: true });
  const views = prefixes(fanOut).map((name) => [
    name,
    {
      key: `${name}:{profileId}`,
      pool: "profiles",
      dependsOn: [{ event: "ProfileChanged", params: { profileId: "subject" } }],
    },
  ]);
  const manifest = {
    freshet: 1,
    service: "profile-service",
    publishes: {
      ProfileChanged: {
        entity: "profile",
        topic,
        fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
        routing: { handle: "string", teamIds: "[string]" },
      },
    },
    views: Object.fromEntries(views),
  };
  const pools = { freshet: 1, pools: { profiles: { nodes: ["127.0.0.1:11211"], nodeOf: "ketama" } } };
  writeFileSync(join(folder, "profile-service.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "pools.yaml"), JSON.stringify(pools));
  return folder;
}

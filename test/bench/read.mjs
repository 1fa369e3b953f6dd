// The hit path: cache.get and cache.getMany over both drivers, beside memjs.get, which neither validates what it
// reads nor bounds how long it takes. One process, one node; the runners take turns in every round.
import { MemjsDriver, MetaDriver, ReadThroughCache, versioned } from "@freshet/cache";
import { defineChangeEvent, defineView, on } from "@freshet/contracts";
import memjs from "memjs";
import { z } from "zod";
import { spread } from "./statistics.mjs";

const KEYS = 1_000;
const AT_ONCE = 50;
const MANY = 100;

/**
 * @typedef {{ name: string, run: (reads: number) => Promise<void> }} Runner
 * @typedef {{ readsPerSecond: number, cpuMicros: number }} Measured
 * @typedef {{ name: string, atOnce: string, peer: string, measured: Measured[] }} Series
 */

const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
  routing: z.object({ handle: z.string() }),
});

const userProfile = defineView({
  name: "user_profile",
  key: "user_profile:{profileId}",
  pool: "profiles",
  value: z.object({
    id: z.string(),
    version: z.int(),
    handle: z.string(),
    displayName: z.string(),
    avatarUrl: z.string().nullable(),
    bio: z.string().nullable(),
    teamIds: z.array(z.string()),
  }),
  dependsOn: [on(ProfileChanged, { profileId: "subject" })],
});

/**
 * How many hits a second, and how much processor time each, through every runner.
 * @param {{ node: string, reads: number, rounds: number, signal: AbortSignal, progress: { next: (what: string) => void } }} options
 */
export async function measureReads({ node, reads, rounds, signal, progress }) {
  const limits = { timeoutMs: 10_000 };
  const pools = { profiles: { nodes: node } };
  const overMemjs = new ReadThroughCache({
    pools,
    limits,
    createDriver: (at, of) => new MemjsDriver(at, of),
  });
  const overMeta = new ReadThroughCache({ pools, limits, createDriver: (at, of) => new MetaDriver(at, of) });
  const raw = memjs.Client.create(node, { retries: 1, failover: false, timeout: 10 });
  try {
    const size = await fillKeys(overMemjs, raw);
    const series = seriesOf({ overMemjs, overMeta, raw });
    for (const { run } of series) await run(reads);
    for (let round = 1; round <= rounds; round++)
      for (const one of series) {
        signal.throwIfAborted();
        progress.next(`round ${round}: ${one.name}, ${one.atOnce}`);
        one.measured.push(await measure(() => one.run(reads), reads));
      }
    return { keys: KEYS, valueBytes: size, results: series.map((one) => summary(one, series)) };
  } finally {
    overMemjs.close();
    overMeta.close();
    raw.close();
  }
}

/** @param {number} rounds */
export function readSteps(rounds) {
  return rounds * 9;
}

/**
 * Every key is there before anything is measured; answers the size of a value in bytes.
 * @param {ReadThroughCache} cache
 * @param {import("memjs").Client} raw
 */
async function fillKeys(cache, raw) {
  for (let key = 0; key < KEYS; key++) await cache.get(userProfile, { profileId: String(key) }, loader(key));
  const { value } = await raw.get("user_profile:0");
  return value?.length;
}

/**
 * @param {number} key
 */
function loader(key) {
  return () =>
    Promise.resolve(
      versioned({
        id: String(key),
        version: 7,
        handle: `ada${key}`,
        displayName: "Ada Lovelace",
        avatarUrl: "https://images.example.org/ada.png",
        bio: "The first to publish an algorithm for a machine that did not exist yet.",
        teamIds: ["t1", "t2"],
      }),
    );
}

function neverLoaded() {
  return Promise.reject(new Error("a key that should be a hit was loaded"));
}

/**
 * @param {{ overMemjs: ReadThroughCache, overMeta: ReadThroughCache, raw: import("memjs").Client }} clients
 * @returns {(Series & Runner)[]}
 */
function seriesOf({ overMemjs, overMeta, raw }) {
  const single = [
    { name: "memjs.get", get: (/** @type {number} */ key) => raw.get(`user_profile:${key}`) },
    {
      name: "memjs.get + JSON.parse",
      get: async (/** @type {number} */ key) =>
        JSON.parse(String((await raw.get(`user_profile:${key}`)).value)),
    },
    { name: "cache.get, memjs driver", get: readerOf(overMemjs) },
    { name: "cache.get, meta driver", get: readerOf(overMeta) },
  ];
  const series = [1, AT_ONCE].flatMap((atOnce) =>
    single.map(({ name, get }) => ({
      name,
      atOnce: atOnce === 1 ? "one at a time" : `${atOnce} at once`,
      peer: "memjs.get",
      measured: [],
      run: (/** @type {number} */ reads) => inParallel(atOnce, reads, get),
    })),
  );
  const many = [overMeta].map((cache) => ({
    name: `cache.getMany(${MANY}), meta driver`,
    atOnce: `${AT_ONCE} at once`,
    peer: "memjs.get",
    measured: [],
    run: async (/** @type {number} */ reads) => {
      for (let read = 0; read < reads; read += MANY) {
        const params = Array.from({ length: MANY }, (_, at) => ({ profileId: String((read + at) % KEYS) }));
        await cache.getMany(userProfile, params, neverLoaded);
      }
    },
  }));
  return [...series, ...many];
}

/** @param {ReadThroughCache} cache */
function readerOf(cache) {
  return (/** @type {number} */ key) => cache.get(userProfile, { profileId: String(key) }, neverLoaded);
}

/**
 * @param {number} atOnce
 * @param {number} reads
 * @param {(key: number) => Promise<unknown>} get
 */
async function inParallel(atOnce, reads, get) {
  let next = 0;
  const reader = async () => {
    while (next < reads) await get(next++ % KEYS);
  };
  await Promise.all(Array.from({ length: atOnce }, reader));
}

/**
 * @param {() => Promise<void>} run
 * @param {number} reads
 * @returns {Promise<Measured>}
 */
async function measure(run, reads) {
  const startedAtMs = performance.now();
  const cpu = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  return { readsPerSecond: reads / seconds, cpuMicros: (user + system) / reads };
}

/**
 * Beside the peer in the same round: what else the machine does hits both.
 * @param {Series} one
 * @param {Series[]} all
 */
function summary({ name, atOnce, peer, measured }, all) {
  const peers = all.find((other) => other.name === peer && other.atOnce === atOnce)?.measured ?? [];
  const ratio = (/** @type {keyof Measured} */ of) =>
    spread(measured.map((own, round) => own[of] / (peers[round]?.[of] ?? NaN)));
  return {
    name,
    atOnce,
    readsPerSecond: spread(measured.map(({ readsPerSecond }) => readsPerSecond)),
    cpuMicros: spread(measured.map(({ cpuMicros }) => cpuMicros)),
    speedToPeer: ratio("readsPerSecond"),
    cpuToPeer: ratio("cpuMicros"),
  };
}

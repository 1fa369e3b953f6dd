// The hit path: cache.get and cache.getMany over both drivers, beside memjs.get, which neither parses what it reads
// nor bounds how long that takes, and beside what one would write around it. One process, one node; the runners take
// turns in every round, and each is compared with its peer of the same round.
import { MemjsDriver, MetaDriver, ReadThroughCache, versioned } from "@freshet/cache";
import { defineChangeEvent, defineView, on } from "@freshet/contracts";
import memjs from "memjs";
import { z } from "zod";
import { spread } from "./statistics.mjs";

const KEYS = 1_000;
const AT_ONCE = 50;
const MANY_AT_ONCE = `${AT_ONCE} at once`;
const PEER = "memjs.get";
const MANY = 100;
/** How long a profile's text is, and what a value of it then takes. */
const SIZES = [
  { size: "0.2 KB", bioChars: 20 },
  { size: "4 KB", bioChars: 3_830 },
];

/**
 * @typedef {{ name: string, run: (reads: number) => Promise<void> }} Runner
 * @typedef {{ readsPerSecond: number, cpuMicros: number }} Measured
 * @typedef {{ name: string, size: string, atOnce: string, measured: Measured[] }} Series
 */

const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
  routing: z.object({ handle: z.string() }),
});

const profile = z.object({
  id: z.string(),
  version: z.int(),
  handle: z.string(),
  displayName: z.string(),
  avatarUrl: z.string().nullable(),
  bio: z.string().nullable(),
  teamIds: z.array(z.string()),
});

/** @typedef {z.infer<typeof profile>} Profile */

const key = "user_profile:{profileId}";
const shared = { pool: "profiles", dependsOn: [on(ProfileChanged, { profileId: "subject" })] };
const userProfile = defineView({ name: "user_profile", key, value: profile, ...shared });

/** Lets everything pass: what validation costs is the difference. */
const unvalidated = defineView({
  name: "unvalidated",
  key,
  /** @type {import("@freshet/contracts").ViewDefinition<string, string, Profile>["value"]} */
  value: {
    "~standard": {
      version: 1,
      vendor: "bench",
      validate: (value) => ({ value: /** @type {Profile} */ (value) }),
    },
  },
  ...shared,
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
  const clients = { overMemjs, overMeta, raw };
  try {
    for (const { size, bioChars } of SIZES) await fillKeys(overMemjs, size, bioChars);
    const series = SIZES.flatMap(({ size }) => seriesOf(clients, size));
    for (const { run } of series) await run(reads);
    for (let round = 1; round <= rounds; round++)
      for (const one of series) {
        signal.throwIfAborted();
        progress.next(`round ${round}: ${one.name}, ${one.size}, ${one.atOnce}`);
        one.measured.push(await measure(() => one.run(reads), reads));
      }
    return { keys: KEYS, results: series.map((one) => summary(one, series)) };
  } finally {
    overMemjs.close();
    overMeta.close();
    raw.close();
  }
}

/**
 * Every key is there before anything is measured.
 * @param {ReadThroughCache} cache
 * @param {string} size
 * @param {number} bioChars
 */
async function fillKeys(cache, size, bioChars) {
  for (let n = 0; n < KEYS; n++) {
    const id = idOf(size, n);
    const load = () =>
      Promise.resolve(
        versioned({
          id,
          version: 7,
          handle: `ada${n}`,
          displayName: "Ada Lovelace",
          avatarUrl: "https://images.example.org/ada.png",
          bio: "x".repeat(bioChars),
          teamIds: ["t1", "t2"],
        }),
      );
    await cache.get(userProfile, { profileId: id }, load);
  }
}

/**
 * @param {string} size
 * @param {number} n
 */
function idOf(size, n) {
  return `${size.replace(/\D/g, "")}-${n % KEYS}`;
}

function neverLoaded() {
  return Promise.reject(new Error("a key that should be a hit was loaded"));
}

/**
 * @param {{ overMemjs: ReadThroughCache, overMeta: ReadThroughCache, raw: import("memjs").Client }} clients
 * @param {string} size
 * @returns {(Series & Runner)[]}
 */
function seriesOf({ overMemjs, overMeta, raw }, size) {
  const id = (/** @type {number} */ n) => idOf(size, n);
  const rawJson = async (/** @type {number} */ n) =>
    JSON.parse(String((await raw.get(`user_profile:${id(n)}`)).value));
  /** @typedef {import("@freshet/contracts").ViewDefinition<string, "profileId", Profile>} View */
  const hit =
    (/** @type {ReadThroughCache} */ cache, /** @type {View} */ view = userProfile) =>
    (/** @type {number} */ n) =>
      cache.get(view, { profileId: id(n) }, neverLoaded);
  const single = [
    { name: PEER, get: (/** @type {number} */ n) => raw.get(`user_profile:${id(n)}`) },
    { name: "memjs.get + JSON.parse", get: rawJson },
    {
      name: "memjs.get + JSON.parse + zod",
      get: async (/** @type {number} */ n) => profile.parse((await rawJson(n)).d),
    },
    { name: "cache.get, memjs driver", get: hit(overMemjs) },
    { name: "cache.get, meta driver", get: hit(overMeta) },
    { name: "cache.get, meta driver, not validated", get: hit(overMeta, unvalidated) },
  ];
  const series = [1, AT_ONCE].flatMap((atOnce) =>
    single.map(({ name, get }) => ({
      name,
      size,
      atOnce: atOnce === 1 ? "one at a time" : MANY_AT_ONCE,
      measured: [],
      run: (/** @type {number} */ reads) => inParallel(atOnce, reads, get),
    })),
  );
  const many = [
    { driver: "memjs", cache: overMemjs },
    { driver: "meta", cache: overMeta },
  ].map(({ driver, cache }) => ({
    name: `cache.getMany(${MANY}), ${driver} driver`,
    size,
    atOnce: MANY_AT_ONCE,
    measured: [],
    run: async (/** @type {number} */ reads) => {
      for (let read = 0; read < reads; read += MANY) {
        const params = Array.from({ length: MANY }, (_, at) => ({ profileId: id(read + at) }));
        await cache.getMany(userProfile, params, neverLoaded);
      }
    },
  }));
  return [...series, ...many];
}

/**
 * @param {number} atOnce
 * @param {number} reads
 * @param {(key: number) => Promise<unknown>} get
 */
async function inParallel(atOnce, reads, get) {
  let next = 0;
  const reader = async () => {
    while (next < reads) await get(next++);
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
function summary({ name, size, atOnce, measured }, all) {
  const isPeer = (/** @type {Series} */ other) =>
    other.name === PEER && other.size === size && other.atOnce === atOnce;
  const peers = all.find(isPeer)?.measured ?? [];
  const ratio = (/** @type {keyof Measured} */ of) =>
    spread(measured.map((own, round) => own[of] / (peers[round]?.[of] ?? NaN)));
  return {
    name,
    size,
    atOnce,
    readsPerSecond: spread(measured.map(({ readsPerSecond }) => readsPerSecond)),
    cpuMicros: spread(measured.map(({ cpuMicros }) => cpuMicros)),
    speedToPeer: ratio("readsPerSecond"),
    cpuToPeer: ratio("cpuMicros"),
  };
}

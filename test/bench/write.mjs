import { once } from "node:events";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { freePort } from "../../scripts/local/ports.mjs";
import { familyCpuSeconds } from "./processes.mjs";
import { distribution, spread } from "./statistics.mjs";

const WITHOUT_OUTBOX = fileURLToPath(new URL("without-outbox.mjs", import.meta.url));
/** The same as the relay takes: who holds it keeps every relay waiting. */
const RELAY_LOCK = "SELECT pg_advisory_lock(1718776680, 'outbox_events'::regclass::oid::int)";
const RELAY_UNLOCK = "SELECT pg_advisory_unlock(1718776680, 'outbox_events'::regclass::oid::int)";
const PROFILES = 512;
const CONCURRENCIES = [1, 8, 32];
/** PATCHes of one turn: short, so that whatever else the machine does meets all variants alike. */
const TURN = 96;
const WARM_UP_TURNS = 5;

/**
 * What a round runs, in this order. `relaying` is the service as it is: its relay publishes while it serves. The other
 * two differ in the INSERT alone: another replica is the one that relays.
 * @type {readonly { name: string, inserts: boolean, relays: boolean }[]}
 */
const VARIANTS = [
  { name: "without the INSERT", inserts: false, relays: false },
  { name: "with it", inserts: true, relays: false },
  { name: "with it and its relay", inserts: true, relays: true },
];

/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */
/** @typedef {{ requestsPerSecond: number, ms: ReturnType<typeof distribution> }} Answers */
/** @typedef {Answers & { cpuSeconds: number }} Measured */
/**
 * @typedef {object} WriteOptions
 * @property {number} turns of 96 PATCHes, by each variant and number of callers
 * @property {AbortSignal} signal
 * @property {import("./progress.mjs").Progress} progress
 */

/**
 * PATCH over HTTP on connections that are kept, by 1, 8 and 32 callers at once, to the built service with and without
 * the INSERT into the outbox, turn by turn; each PATCH makes a version. The first turns warm up and are not counted.
 * @param {Sandbox} sandbox
 * @param {WriteOptions} options
 */
export async function measureWrites(sandbox, { turns, signal, progress }) {
  progress.next("starting two services, making profiles");
  const services = {
    with: await startService(sandbox, []),
    without: await startService(sandbox, ["--import", WITHOUT_OUTBOX]),
  };
  await Promise.all(Object.values(services).map(({ app }) => app.start(signal)));
  const postgres = sandbox.processes.find(({ name }) => name === "PostgreSQL");
  // Of both sides of the transaction: what one of them saves, the other may spend.
  const cpuSeconds = () =>
    [postgres, services.with.app, services.without.app].reduce(
      (sum, process) => sum + familyCpuSeconds(process?.pid ?? NaN),
      0,
    );
  const database = new pg.Client({ connectionString: sandbox.databaseUrl });
  await database.connect();
  try {
    const ids = Array.from({ length: PROFILES }, (_, n) => `w${n}`);
    await callers(16, ids.length, services.with.url, async (send, n) => {
      const id = ids[n] ?? "";
      await send("POST", "/profiles", { id, handle: id, displayName: "Ada", teamIds: ["t1", "t2"] });
    });
    /** @type {Map<string, Measured[]>} */
    const measured = new Map();
    let version = 0;
    for (const concurrency of CONCURRENCIES) {
      progress.next(`${turns} turns of ${TURN} PATCHes, ${concurrency} at once`);
      for (let turn = -WARM_UP_TURNS; turn < turns; turn += 1)
        // Who goes first finds the machine as the last has left it: the order goes round.
        for (const variant of VARIANTS.map(
          (_, n) => VARIANTS[(n + turn + WARM_UP_TURNS) % VARIANTS.length],
        )) {
          if (!variant) continue;
          signal.throwIfAborted();
          await database.query(RELAY_LOCK);
          await database.query("DELETE FROM outbox_events");
          if (variant.relays) await database.query(RELAY_UNLOCK);
          version += 1;
          const { url } = variant.inserts ? services.with : services.without;
          const body = { displayName: `Ada ${version}` };
          const cpuBefore = cpuSeconds();
          const answers = await callers(concurrency, TURN, url, (send, n) =>
            send("PATCH", `/profiles/${ids[n % PROFILES] ?? ""}`, { ...body, bio: String(n) }),
          );
          const result = { ...answers, cpuSeconds: cpuSeconds() - cpuBefore };
          await expectInserted(database, variant);
          if (!variant.relays) await database.query(RELAY_UNLOCK);
          const key = `${concurrency} ${variant.name}`;
          if (turn >= 0) measured.set(key, [...(measured.get(key) ?? []), result]);
        }
    }
    return { results: CONCURRENCIES.flatMap((concurrency) => summary(concurrency, measured)) };
  } finally {
    await database.end();
    await Promise.all(Object.values(services).map(({ app }) => app.stop()));
  }
}

/**
 * Each variant beside the one without the INSERT, of the same round.
 * @param {number} concurrency
 * @param {ReadonlyMap<string, readonly Measured[]>} measured
 */
function summary(concurrency, measured) {
  const of = (/** @type {string} */ name) => measured.get(`${concurrency} ${name}`) ?? [];
  const base = of(VARIANTS[0]?.name ?? "");
  const cpuMicros = (/** @type {readonly Measured[]} */ all) =>
    (all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) * 1_000_000) / (all.length * TURN);
  return VARIANTS.map(({ name }) => {
    const own = of(name);
    return {
      concurrency,
      name,
      requestsPerSecond: spread(own.map(({ requestsPerSecond }) => requestsPerSecond)),
      p50: spread(own.map(({ ms }) => ms.p50)),
      p99: spread(own.map(({ ms }) => ms.p99)),
      throughputToBase: spread(
        own.map((one, n) => one.requestsPerSecond / (base[n]?.requestsPerSecond ?? NaN)),
      ),
      cpuMicros: cpuMicros(own),
      cpuOfBase: cpuMicros(base) / cpuMicros(own),
      p50ToBase: spread(own.map((one, n) => (base[n]?.ms.p50 ?? NaN) / one.ms.p50)),
    };
  });
}

/**
 * The build, on ports of its own.
 * @param {Sandbox} sandbox
 * @param {string[]} nodeArgs
 */
async function startService(sandbox, nodeArgs) {
  const [port, internalPort] = [await freePort(), await freePort()];
  const app = sandbox.profileService({
    port,
    readyPort: internalPort,
    nodeArgs,
    env: { INTERNAL_PORT: String(internalPort), WRITER_DELETE: "on", RATE_LIMIT_PER_MINUTE: "0" },
  });
  return { app, url: `http://${app.address}` };
}

/**
 * That a variant did what its name says: a comparison of two that insert, or of none that do, would look perfect.
 * @param {pg.Client} database
 * @param {{ name: string, inserts: boolean, relays: boolean }} variant
 */
async function expectInserted(database, { name, inserts, relays }) {
  if (relays) return;
  const { rows } = await database.query("SELECT count(*)::int AS count FROM outbox_events");
  const wanted = inserts ? TURN : 0;
  if (rows[0]?.count !== wanted)
    throw new Error(`${name}: ${rows[0]?.count} rows in the outbox, not ${wanted}`);
}

/** @typedef {(method: string, path: string, body: object) => Promise<void>} Send */

/**
 * `count` requests by so many callers, each of which sends its next one when its last is answered.
 * @param {number} concurrency
 * @param {number} count
 * @param {string} url
 * @param {(send: Send, n: number) => Promise<void>} one
 * @returns {Promise<Answers>}
 */
async function callers(concurrency, count, url, one) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const numbers = Array.from({ length: count }, (_, n) => n).values();
  /** @type {number[]} */
  const delaysMs = [];
  const caller = async () => {
    for (const n of numbers) {
      const began = performance.now();
      await one((method, path, body) => send(agent, method, url + path, body), n);
      delaysMs.push(performance.now() - began);
    }
  };
  const began = performance.now();
  try {
    await Promise.all(Array.from({ length: concurrency }, caller));
  } finally {
    agent.destroy();
  }
  const seconds = (performance.now() - began) / 1_000;
  return { requestsPerSecond: count / seconds, ms: distribution(delaysMs) };
}

/**
 * @param {Agent} agent
 * @param {string} method
 * @param {string} url
 * @param {object} body
 */
async function send(agent, method, url, body) {
  const text = JSON.stringify(body);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  const sent = request(url, { agent, method, headers, timeout: 30_000 });
  sent.end(text);
  const [response] = /** @type {[import("node:http").IncomingMessage]} */ (await once(sent, "response"));
  let answer = "";
  for await (const part of response) answer += String(part);
  if (response.statusCode !== 200 && response.statusCode !== 201)
    throw new Error(`${method} ${url}: ${response.statusCode} ${answer}`);
}

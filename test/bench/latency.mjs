import { setTimeout as pause } from "node:timers/promises";
import { query } from "../../scripts/local/postgres.mjs";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { wallClock } from "../../scripts/local/wall-clock.mjs";
import { ProduceConsumeFloor } from "./floor.mjs";
import { BenchNodes } from "./nodes.mjs";
import { residentMb } from "./processes.mjs";
import { distribution } from "./statistics.mjs";

const BLOCK = 100;
/** The updates that go first and are not counted: they meet code that is not compiled yet. */
const WARM_UP = 200;
const FLOOR_TOPIC = "bench.floor";
const GONE_TIMEOUT_MS = 10_000;
const POLL_MS = 1;
const CONCURRENT_REQUESTS = 8;

/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */
/**
 * @typedef {object} LatencyOptions
 * @property {number} updates a multiple of 100
 * @property {number} ratePerSecond
 * @property {AbortSignal} signal
 * @property {import("./progress.mjs").Progress} progress
 */

/** Steps of a run, for its progress bar. */
export const latencySteps = (/** @type {number} */ updates) => 1 + (WARM_UP + updates) / BLOCK;

/**
 * Commit → gone for updates that come at a steady rate whatever becomes of the earlier ones. It begins at
 * PostgreSQL's own commit time and ends when a reader of memcached that polls each ms no longer finds the key.
 * After each block of updates as many bare messages go through Kafka, at the same rate: the floor.
 * @param {Sandbox} sandbox
 * @param {LatencyOptions} options
 */
export async function measureLatency(sandbox, { updates, ratePerSecond, signal, progress }) {
  progress.next("starting both apps, making profiles");
  const [service, invalidator] = [sandbox.profileService(), sandbox.invalidator()];
  await Promise.all([service.start(signal), invalidator.start(signal)]);
  await ensureTopics(sandbox.brokers, [FLOOR_TOPIC]);
  const floor = await ProduceConsumeFloor.start(sandbox.brokers, FLOOR_TOPIC);
  const nodes = new BenchNodes(sandbox.memcachedNodes);
  try {
    const ids = Array.from({ length: WARM_UP + updates }, (_, n) => `p${n}`);
    const bodies = ids.map((id) => ({ id, handle: id, displayName: "old" }));
    await inParallel(bodies, (body) => send(`${sandbox.serviceUrl}/profiles`, "POST", body, signal));
    await untilQuiet(sandbox, signal);
    /** @type {number[]} */
    const commitToGoneMs = [];
    /** @type {number[]} */
    const floorMs = [];
    for (let from = 0; from < ids.length; from += BLOCK) {
      const block = ids.slice(from, from + BLOCK);
      progress.next(`${from} of ${ids.length} updates, ${ratePerSecond} a second`);
      const delays = await updateBlock(sandbox, nodes, { block, ratePerSecond, signal });
      const messages = await floor.measure({ count: BLOCK, ratePerSecond, signal });
      if (from < WARM_UP) continue;
      commitToGoneMs.push(...delays);
      floorMs.push(...messages);
    }
    const memory = sandbox.processes.map(({ name, pid }) => ({ name, mb: pid ? residentMb(pid) : 0 }));
    return {
      ratePerSecond,
      commitToGoneMs: distribution(commitToGoneMs),
      floorMs: distribution(floorMs),
      memory,
    };
  } finally {
    nodes.close();
    await floor.stop();
    await Promise.all([service.stop(), invalidator.stop()]);
  }
}

/**
 * Caches each profile, then updates each at its time; answers the delays in ms.
 * @param {Sandbox} sandbox
 * @param {BenchNodes} nodes
 * @param {{ block: readonly string[], ratePerSecond: number, signal: AbortSignal }} options
 */
async function updateBlock(sandbox, nodes, { block, ratePerSecond, signal }) {
  const url = (/** @type {string} */ id) => `${sandbox.serviceUrl}/profiles/${id}`;
  const keys = block.map((id) => `user_profile:${id}`);
  await inParallel(block, (id) => send(url(id), "GET", undefined, signal));
  const cached = await nodes.present(keys);
  if (cached.size !== keys.length)
    throw new Error(`${cached.size} of ${keys.length} keys are cached after a read`);

  const now = wallClock();
  const started = performance.now();
  /** @type {Map<string, number>} */
  const goneMs = new Map();
  /** @type {Promise<void>[]} */
  const requests = [];
  for (
    const deadline = started + (BLOCK * 1_000) / ratePerSecond + GONE_TIMEOUT_MS;
    goneMs.size < keys.length;
  ) {
    const due = Math.min(block.length, Math.ceil(((performance.now() - started) * ratePerSecond) / 1_000));
    for (const id of block.slice(requests.length, due))
      requests.push(send(url(id), "PATCH", { displayName: "new" }, signal));
    const waiting = keys.slice(0, requests.length).filter((key) => !goneMs.has(key));
    const present = await nodes.present(waiting);
    const seenMs = now();
    for (const key of waiting) if (!present.has(key)) goneMs.set(key, seenMs);
    if (performance.now() > deadline) throw new Error(`still cached after its update (I1): ${waiting[0]}`);
    await pause(POLL_MS, undefined, { signal });
  }
  await Promise.all(requests);
  const commits = await commitTimes(sandbox, block);
  return block.map((id) => (goneMs.get(`user_profile:${id}`) ?? NaN) - (commits.get(id) ?? NaN));
}

/**
 * When the last change of each profile was committed, in ms since 1970.
 * @param {Sandbox} sandbox
 * @param {readonly string[]} ids
 * @returns {Promise<Map<string, number>>}
 */
async function commitTimes({ databaseUrl }, ids) {
  /** @type {{ rows: { id: string, ms: number }[] }} */
  const { rows } = await query(
    databaseUrl,
    `SELECT id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS ms
     FROM profiles WHERE version = 2 AND id IN (${ids.map((id) => `'${id}'`).join(", ")})`,
  );
  if (rows.length !== ids.length) throw new Error(`${rows.length} of ${ids.length} profiles were updated`);
  return new Map(rows.map(({ id, ms }) => [id, ms]));
}

/**
 * The outbox is empty and the invalidator has no lag.
 * @param {Sandbox} sandbox
 * @param {AbortSignal} signal
 */
async function untilQuiet({ databaseUrl, invalidatorUrl }, signal) {
  await waitUntil(
    "an empty outbox and no lag",
    async () => {
      const { rowCount } = await query(databaseUrl, "SELECT FROM outbox_events LIMIT 1");
      const response = await fetch(`${invalidatorUrl}/metrics`, { signal });
      const lags = [...(await response.text()).matchAll(/^freshet_lag_messages\{.*\} (\d+)$/gm)];
      return rowCount === 0 && lags.length > 0 && lags.every(([, lag]) => lag === "0");
    },
    { timeoutMs: 60_000, intervalMs: 200, signal },
  );
}

/**
 * @param {string} url
 * @param {"GET" | "POST" | "PATCH"} method
 * @param {object | undefined} body
 * @param {AbortSignal} signal
 */
async function send(url, method, body, signal) {
  const response = await fetch(url, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${answer}`);
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => Promise<void>} work
 */
async function inParallel(items, work) {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, worker));
}

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { query } from "../../scripts/local/postgres.mjs";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { wallClock } from "../../scripts/local/wall-clock.mjs";
import { ProduceConsumeFloor } from "./floor.mjs";
import { BenchNodes } from "./nodes.mjs";
import { residentMb } from "./processes.mjs";
import { distribution } from "./statistics.mjs";
import { stepDelays } from "./steps.mjs";

const STEP_TIMES = fileURLToPath(new URL("step-times.mjs", import.meta.url));
const BLOCK = 100;
/** The updates that go first and are not counted: they meet code that is not compiled yet. */
const WARM_UP = 200;
const FLOOR_TOPIC = "bench.floor";
const GONE_TIMEOUT_MS = 10_000;
const POLL_MS = 0.2;
const CONCURRENT_REQUESTS = 8;

/** Shares of what the service can take, of which each is a measurement of its own. */
const SHARES = [0.1, 0.5, 0.8];
const CAPACITY_UPDATES = 600;

/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */
/**
 * @typedef {object} LatencyOptions
 * @property {number} updates at each load, a multiple of 100
 * @property {AbortSignal} signal
 * @property {import("./progress.mjs").Progress} progress
 */

/**
 * Commit → gone for updates that come at a steady rate whatever becomes of the earlier ones, at shares of what the
 * service can take. It begins at PostgreSQL's own commit time and ends when a reader of memcached that polls some
 * times in each ms no longer finds the key. After each block of updates as many bare messages go through Kafka, at the same rate: the
 * floor.
 * @param {Sandbox} sandbox
 * @param {LatencyOptions} options
 */
export async function measureLatency(sandbox, { updates, signal, progress }) {
  progress.next("starting both apps, making profiles");
  const files = ["service", "invalidator"].map((name) => join(sandbox.dir, `steps-${name}.json`));
  const nodeArgs = ["--import", STEP_TIMES];
  const service = sandbox.profileService({
    nodeArgs,
    env: { RATE_LIMIT_PER_MINUTE: "0", BENCH_STEPS: files[0] },
  });
  const invalidator = sandbox.invalidator({ nodeArgs, env: { BENCH_STEPS: files[1] } });
  await Promise.all([service.start(signal), invalidator.start(signal)]);
  await ensureTopics(sandbox.brokers, [FLOOR_TOPIC]);
  const floor = await ProduceConsumeFloor.start(sandbox.brokers, FLOOR_TOPIC);
  const nodes = new BenchNodes(sandbox.memcachedNodes);
  try {
    let made = 0;
    const profiles = async (/** @type {number} */ count) => {
      const ids = Array.from({ length: count }, () => `p${(made += 1)}`);
      const bodies = ids.map((id) => ({ id, handle: id, displayName: "old" }));
      await inParallel(bodies, (body) => send(`${sandbox.serviceUrl}/profiles`, "POST", body, signal));
      return ids;
    };
    const delaysOf = async (/** @type {readonly string[]} */ ids, /** @type {number} */ ratePerSecond) => {
      const updated = /** @type {import("./steps.mjs").Update[]} */ ([]);
      const floorMs = /** @type {number[]} */ ([]);
      for (let from = 0; from < ids.length; from += BLOCK) {
        const block = ids.slice(from, from + BLOCK);
        updated.push(...(await updateBlock(sandbox, nodes, { block, ratePerSecond, signal })));
        floorMs.push(...(await floor.measure({ count: BLOCK, ratePerSecond, signal })));
      }
      return { updated, floorMs };
    };
    const warmUp = await profiles(WARM_UP);
    await untilQuiet(sandbox, signal);
    await delaysOf(warmUp, 100);
    progress.next("what the service can take");
    const ids = await profiles(CAPACITY_UPDATES);
    const began = performance.now();
    const patch = (/** @type {string} */ id) =>
      send(`${sandbox.serviceUrl}/profiles/${id}`, "PATCH", { displayName: "new" }, signal);
    await inParallel(ids, patch);
    const capacity = (ids.length * 1_000) / (performance.now() - began);
    const loads = [];
    /** @type {import("./steps.mjs").Update[]} */
    let apart = [];
    for (const share of SHARES) {
      const ratePerSecond = capacity * share;
      progress.next(`${updates} updates, ${Math.round(ratePerSecond)} a second`);
      const some = await profiles(updates);
      await untilQuiet(sandbox, signal);
      const delays = await delaysOf(some, ratePerSecond);
      if (share === SHARES[0]) apart = delays.updated;
      loads.push({
        share,
        ratePerSecond,
        commitToGoneMs: distribution(delays.updated.map(({ committedMs, goneMs }) => goneMs - committedMs)),
        floorMs: distribution(delays.floorMs),
      });
    }
    const memory = sandbox.processes.map(({ name, pid }) => ({ name, mb: pid ? residentMb(pid) : 0 }));
    await Promise.all([service.stop(), invalidator.stop()]);
    return { capacityPerSecond: capacity, loads, memory, steps: stepDelays(apart, files, "profiles") };
  } finally {
    nodes.close();
    await floor.stop();
    await Promise.all([service.stop(), invalidator.stop()]);
  }
}

/**
 * Caches each profile, then updates each at its time; answers when each was committed and gone, in ms since 1970.
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
    if (waiting.length === 0) await pause(1, undefined, { signal });
    else await waitShortly();
  }
  await Promise.all(requests);
  const commits = await commitTimes(sandbox, block);
  return block.map((id) => ({
    id,
    committedMs: commits.get(id) ?? NaN,
    goneMs: goneMs.get(`user_profile:${id}`) ?? NaN,
  }));
}

/** A timer takes 1 ms at least, which is much of what is measured: requests and answers have their turn, then all sleeps. */
async function waitShortly() {
  await new Promise(setImmediate);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
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

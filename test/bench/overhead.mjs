import kafkajs from "kafkajs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { eventOf } from "./events.mjs";
import { writeManifests } from "./load.mjs";
import { BenchNodes } from "./nodes.mjs";
import { cpuSeconds, residentMb } from "./processes.mjs";
import { spread } from "./statistics.mjs";

const WITHOUT_METRICS = fileURLToPath(new URL("without-metrics.mjs", import.meta.url));
const BATCH = 2_000;
const SAMPLE_MS = 5;
const SCRAPE_MS = 1_000;
const TIMEOUT_MS = 120_000;
/** The keys that are deleted before the clock starts: the first events meet code that is not compiled yet. */
const WARM_UP_SHARE = 0.1;
/** After the drain: before it a check would find an old value, and rightly. */
const HORIZONS_SECONDS = [20, 21, 22];

/**
 * What a round drains by, in turn. All but the first are scraped every second.
 * @type {readonly { name: string, metrics: boolean, auditor: boolean }[]}
 */
const VARIANTS = [
  { name: "without metrics", metrics: false, auditor: false },
  { name: "with metrics", metrics: true, auditor: false },
  { name: "with metrics and the auditor", metrics: true, auditor: true },
];

/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */
/** @typedef {{ checks: number, readMicrosPerEvent: number, microsPerCheck: number, nodeMicrosPerCheck: number, mb: number }} Audit */
/** @typedef {{ eventsPerSecond: number, cpuMicrosPerEvent: number, peakMb: number, audit?: Audit }} Drain */

/** @param {Sandbox} sandbox */
function manifestsOf({ dir, topic }) {
  return writeManifests(join(dir, "manifests-overhead"), topic, 1);
}

/**
 * Drains fresh events by the invalidator without metrics, with them, and with the auditor beside it, in turn, round
 * after round. The events are published in one transaction: its end shows all of them at once to whoever has joined.
 * @param {Sandbox} sandbox
 * @param {{ events: number, rounds: number, partitions: number, signal: AbortSignal,
 *   progress: import("./progress.mjs").Progress }} options
 */
export async function measureOverhead(sandbox, { events, rounds, partitions, signal, progress }) {
  const ids = Array.from({ length: events }, (_, n) => String(1_000_000 + n));
  const nodes = new BenchNodes(sandbox.memcachedNodes);
  /** @type {Map<string, Drain[]>} */
  const drains = new Map(VARIANTS.map(({ name }) => [name, []]));
  try {
    for (let round = 0; round < rounds; round += 1)
      for (let turn = 0; turn < VARIANTS.length; turn += 1) {
        const variant = VARIANTS[(round + turn) % VARIANTS.length];
        if (!variant) continue;
        progress.next(`round ${round + 1} of ${rounds}: ${variant.name}`);
        drains.get(variant.name)?.push(await drainBy(variant, sandbox, nodes, { ids, partitions, signal }));
      }
  } finally {
    nodes.close();
  }
  return { results: summary(drains), drains: Object.fromEntries(drains) };
}

/**
 * @param {{ name: string, metrics: boolean, auditor: boolean }} variant
 * @param {Sandbox} sandbox
 * @param {BenchNodes} nodes
 * @param {{ ids: readonly string[], partitions: number, signal: AbortSignal }} options
 * @returns {Promise<Drain>}
 */
async function drainBy({ metrics, auditor: audited }, sandbox, nodes, { ids, partitions, signal }) {
  const within = { timeoutMs: TIMEOUT_MS, intervalMs: SAMPLE_MS, signal };
  await nodes.fill(ids.map((id) => `user_profile:${id}`));
  // One group for all rounds: it goes on where the last round ended, so that each round drains its own events alone.
  const invalidator = sandbox.invalidator({
    nodeArgs: metrics ? [] : ["--import", WITHOUT_METRICS],
    env: { MANIFESTS_DIR: manifestsOf(sandbox), DEPLOYMENT: "overhead" },
  });
  const auditor = audited ? new BenchAuditor(sandbox) : undefined;
  const scraping = new AbortController();
  try {
    await Promise.all([invalidator.start(signal), auditor?.join(partitions, signal)]);
    const { pid = NaN } = invalidator;
    const scraped = metrics ? scrape(sandbox.invalidatorUrl, scraping.signal) : undefined;
    const publish = await prepare(sandbox, ids, signal);
    const auditorCpu = auditor?.cpuSeconds ?? NaN;
    const left = (/** @type {number} */ most) =>
      waitUntil(
        `${most} keys left in memcached, ${ids.length} at the start`,
        async () => {
          const count = await nodes.count();
          return count <= most ? { count, ms: performance.now(), cpu: cpuSeconds(pid) } : undefined;
        },
        within,
      );
    await publish();
    const start = await left(Math.floor(ids.length * (1 - WARM_UP_SHARE)));
    const end = await left(0);
    const drained = start.count - end.count;
    // What a variant says that it is, it must be: a comparison of two that count would look perfect.
    const wanted = metrics ? ids.length : 0;
    await waitUntil(
      `${wanted} events to be counted`,
      async () => eventsIn(await (await fetch(`${sandbox.invalidatorUrl}/metrics`)).text()) === wanted,
      { ...within, timeoutMs: 10_000 },
    );
    scraping.abort();
    await scraped;
    const audit = await auditor?.audit(ids.length, auditorCpu, signal);
    return {
      eventsPerSecond: (drained * 1_000) / (end.ms - start.ms),
      cpuMicrosPerEvent: ((end.cpu - start.cpu) * 1_000_000) / drained,
      peakMb: residentMb(pid),
      ...(audit && { audit }),
    };
  } finally {
    scraping.abort();
    await Promise.all([invalidator.stop(), auditor?.stop()]);
  }
}

/** The auditor of one round, which reads from when it has joined. */
class BenchAuditor {
  #sandbox;
  #app;

  /** @param {Sandbox} sandbox */
  constructor(sandbox) {
    this.#sandbox = sandbox;
    this.#app = sandbox.auditor({
      env: {
        MANIFESTS_DIR: manifestsOf(sandbox),
        DEPLOYMENT: `overhead-${process.hrtime.bigint()}`,
        AUDIT_HORIZONS_SECONDS: HORIZONS_SECONDS.join(","),
        AUDIT_MAX_PENDING: "10000000",
      },
    });
  }

  get cpuSeconds() {
    return cpuSeconds(this.#app.pid ?? NaN);
  }

  /**
   * Resolves when it reads: it has taken over events that were published after its start.
   * @param {number} partitions of the topic
   * @param {AbortSignal} signal
   */
  async join(partitions, signal) {
    await this.#app.start(signal);
    const producer = new kafkajs.Kafka({
      clientId: "bench",
      brokers: this.#sandbox.brokers,
      logLevel: kafkajs.logLevel.NOTHING,
    }).producer({ allowAutoTopicCreation: false });
    await producer.connect();
    try {
      await waitUntil(
        "the auditor to take an event of every partition",
        async () => {
          // Of another type: seen and passed over.
          const value = eventOf("0").value.replace("ProfileChanged", "SomethingElse");
          const messages = Array.from({ length: partitions }, (_, partition) => ({ partition, value }));
          await producer.send({ topic: this.#sandbox.topic, acks: -1, messages });
          return (await this.#events("unaffected")) >= 2 * partitions;
        },
        { timeoutMs: TIMEOUT_MS, intervalMs: 500, signal },
      );
    } finally {
      await producer.disconnect();
    }
  }

  /**
   * Waits until all checks have ended; throws unless every event was audited and every check found it fresh.
   * @param {number} events
   * @param {number} cpuBefore
   * @param {AbortSignal} signal
   * @returns {Promise<Audit>}
   */
  async audit(events, cpuBefore, signal) {
    const within = { timeoutMs: TIMEOUT_MS, intervalMs: 100, signal };
    await waitUntil(
      `the auditor to take ${events} events`,
      async () => (await this.#events("audited")) === events,
      within,
    );
    const read = this.cpuSeconds;
    const nodesBefore = this.#nodeCpuSeconds();
    const wanted = events * HORIZONS_SECONDS.length;
    await waitUntil(`${wanted} fresh checks`, async () => (await this.#checks()) === wanted, within);
    return {
      checks: wanted,
      readMicrosPerEvent: ((read - cpuBefore) * 1_000_000) / events,
      microsPerCheck: ((this.cpuSeconds - read) * 1_000_000) / wanted,
      nodeMicrosPerCheck: ((this.#nodeCpuSeconds() - nodesBefore) * 1_000_000) / wanted,
      mb: residentMb(this.#app.pid ?? NaN),
    };
  }

  stop() {
    return this.#app.stop();
  }

  async #checks() {
    const text = await this.#metrics();
    const samples = [...text.matchAll(/^freshet_audit_checks_total\{.*verdict="(\w+)"\} (\d+)$/gm)];
    const wrong = samples.filter(([, verdict]) => verdict !== "fresh");
    if (wrong.length > 0)
      throw new Error(`not every check was fresh: ${wrong.map(([line]) => line).join("; ")}`);
    return samples.reduce((sum, [, , count]) => sum + Number(count), 0);
  }

  /** @param {"audited" | "unaffected"} result */
  async #events(result) {
    const text = await this.#metrics();
    return Number(
      new RegExp(`^freshet_audit_events_total\\{.*result="${result}"\\} (\\d+)$`, "m").exec(text)?.[1] ?? 0,
    );
  }

  async #metrics() {
    return await (await fetch(`http://${this.#app.address}/metrics`)).text();
  }

  #nodeCpuSeconds() {
    const nodes = this.#sandbox.processes.filter(({ name }) => name.startsWith("memcached"));
    return nodes.reduce((sum, { pid = NaN }) => sum + cpuSeconds(pid), 0);
  }
}

/**
 * Sends the events in a transaction that is still open; the answer ends it.
 * @param {Sandbox} sandbox
 * @param {readonly string[]} ids
 * @param {AbortSignal} signal
 */
async function prepare({ brokers, topic }, ids, signal) {
  const producer = new kafkajs.Kafka({
    clientId: "bench",
    brokers,
    logLevel: kafkajs.logLevel.NOTHING,
  }).producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    transactionalId: `overhead-${process.hrtime.bigint()}`,
    transactionTimeout: TIMEOUT_MS,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  for (let from = 0; from < ids.length; from += BATCH) {
    signal.throwIfAborted();
    const messages = ids.slice(from, from + BATCH).map((id) => eventOf(id));
    await transaction.send({ topic, acks: -1, messages });
  }
  return async () => {
    await transaction.commit();
    await producer.disconnect();
  };
}

/**
 * As Prometheus would, every second.
 * @param {string} url
 * @param {AbortSignal} signal
 */
async function scrape(url, signal) {
  while (!signal.aborted) {
    await (await fetch(`${url}/metrics`)).text();
    await new Promise((resolve) => setTimeout(resolve, SCRAPE_MS));
  }
}

/**
 * The events that an invalidator has counted.
 * @param {string} metrics
 */
function eventsIn(metrics) {
  const samples = metrics.matchAll(/^freshet_events_total\{.*result="applied"\} (\d+)$/gm);
  return [...samples].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** @param {ReadonlyMap<string, readonly Drain[]>} drains */
function summary(drains) {
  const base = drains.get(VARIANTS[0]?.name ?? "") ?? [];
  return VARIANTS.map(({ name }) => {
    const own = drains.get(name) ?? [];
    const of = (/** @type {"eventsPerSecond" | "cpuMicrosPerEvent" | "peakMb"} */ what) =>
      spread(own.map((drain) => drain[what]));
    // Within one round each: the machine's other load then weighs on both.
    const toBase = (/** @type {"eventsPerSecond" | "cpuMicrosPerEvent"} */ what) =>
      spread(own.map((drain, round) => drain[what] / (base[round]?.[what] ?? NaN)));
    const audits = own.flatMap(({ audit }) => (audit ? [audit] : []));
    return {
      name,
      eventsPerSecond: of("eventsPerSecond"),
      cpuMicrosPerEvent: of("cpuMicrosPerEvent"),
      peakMb: of("peakMb"),
      eventsPerSecondToBase: toBase("eventsPerSecond"),
      cpuToBase: toBase("cpuMicrosPerEvent"),
      ...(audits.length > 0 && {
        audit: {
          checks: audits[0]?.checks ?? 0,
          readMicrosPerEvent: spread(audits.map((audit) => audit.readMicrosPerEvent)),
          microsPerCheck: spread(audits.map((audit) => audit.microsPerCheck)),
          nodeMicrosPerCheck: spread(audits.map((audit) => audit.nodeMicrosPerCheck)),
          mb: spread(audits.map((audit) => audit.mb)),
        },
      }),
    };
  });
}

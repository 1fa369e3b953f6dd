import { fileURLToPath } from "node:url";
import { freePort } from "../../scripts/local/ports.mjs";
import { memcachedNode } from "../../scripts/local/memcached.mjs";
import { stopServers } from "../../scripts/local/servers.mjs";
import { measureDrain } from "./drain.mjs";
import { prepareLoad, uniqueIds, zipfIds } from "./load.mjs";
import { number, withSpread } from "./report.mjs";
import * as runner from "./runners.mjs";

/** @typedef {import("./statistics.mjs").Spread} Spread */
/** @typedef {{ headings: string[], rows: string[][] }} Table */
/** @typedef {{ value: Spread, goal?: number, atMost?: boolean }} Ratio how Freshet stands to a peer of the same run */
/** @typedef {{ title: string, tables: Table[], ratios: Record<string, Ratio>, detail: object }} Result */
/** @typedef {{ quick: boolean, events: number, rounds: number }} Size */
/**
 * @typedef {object} Context
 * @property {import("../../scripts/local/sandbox.mjs").Sandbox} sandbox
 * @property {Size} size
 * @property {AbortSignal} signal
 * @property {import("./progress.mjs").Progress} progress
 */
/** @typedef {{ about: string, run: (context: Context) => Promise<Result> }} Scenario */

/** @param {Awaited<ReturnType<typeof measureDrain>>} results */
function drainTable(results) {
  return {
    headings: ["", "events/s", "CPU µs/event", "peak MB", "Freshet to it, speed", "CPU"],
    rows: results.map(({ runner: name, eventsPerSecond, cpuMicrosPerEvent, peakMb, ...ratio }) => [
      name,
      withSpread(eventsPerSecond),
      withSpread(cpuMicrosPerEvent, 2),
      Number.isNaN(peakMb.median) ? "" : withSpread(peakMb),
      ratio.speedOfLast ? withSpread(ratio.speedOfLast, 2) : "",
      ratio.cpuOfLast ? withSpread(ratio.cpuOfLast, 2) : "",
    ]),
  };
}

const none = { median: NaN, lowest: NaN, highest: NaN };

/**
 * @param {Awaited<ReturnType<typeof measureDrain>>} results
 * @param {runner.Runner} peer
 */
function speedTo(results, peer) {
  return results.find(({ runner: name }) => name === peer.name)?.speedOfLast ?? none;
}

/** @type {Scenario} */
export const drain = {
  about: "fan-out 1, each key once: every peer",
  async run({ sandbox, size: { events, rounds }, signal, progress }) {
    progress.next(`publishing ${events} events`);
    const load = await prepareLoad(sandbox, { name: "drain", ids: uniqueIds(events), signal });
    const { nothing, parse, nest, memjsBatches, overMemjs, freshet } = runner;
    const runners = [nothing, parse, nest, memjsBatches, overMemjs, freshet];
    const results = await measureDrain({ sandbox, load, runners, rounds, signal, progress });
    return {
      title: `Drain of ${number(events)} events of ${load.eventBytes} bytes, fan-out 1, each key once`,
      tables: [drainTable(results)],
      ratios: {
        "drain, to kafkajs + JSON.parse": { value: speedTo(results, parse), goal: 0.75 },
        "drain, to Nest + memjs": { value: speedTo(results, nest), goal: 8 },
      },
      detail: { events, eventBytes: load.eventBytes, results },
    };
  },
};

/** @type {Scenario} */
export const fanOut = {
  about: "10 keys of each event, beside raw deletes of the same keys",
  async run({ sandbox, size: { events, rounds }, signal, progress }) {
    progress.next(`publishing ${events} events`);
    const load = await prepareLoad(sandbox, { name: "fan-out", ids: uniqueIds(events), fanOut: 10, signal });
    const { rawDeletes, freshet } = runner;
    const runners = [rawDeletes, freshet];
    const results = await measureDrain({ sandbox, load, runners, rounds, signal, progress });
    return {
      title: `Drain of ${number(events)} events that each invalidate 10 keys`,
      tables: [drainTable(results)],
      ratios: { "fan-out 10, keys to raw deletes": { value: speedTo(results, rawDeletes), goal: 0.35 } },
      detail: { events, fanOut: 10, results },
    };
  },
};

/** @type {Scenario} */
export const zipf = {
  about: "few keys often (Zipf 0.99), beside the same number of events with a key each",
  async run({ sandbox, size: { events, rounds }, signal, progress }) {
    progress.next(`publishing twice ${events} events`);
    const loads = {
      zipf: await prepareLoad(sandbox, { name: "zipf", ids: zipfIds(events), signal }),
      unique: await prepareLoad(sandbox, { name: "unique", ids: uniqueIds(events), signal }),
    };
    const runners = [
      {
        name: "each key once",
        drain: (/** @type {runner.Round} */ round) => runner.freshet.drain({ ...round, load: loads.unique }),
      },
      { ...runner.freshet, name: "Zipf 0.99" },
    ];
    const results = await measureDrain({ sandbox, load: loads.zipf, runners, rounds, signal, progress });
    return {
      title: `Drain of ${number(events)} events of ${number(loads.zipf.keys.length)} keys, by Freshet`,
      tables: [drainTable(results)],
      ratios: { "Zipf 0.99, to each key once": { value: results[0]?.speedOfLast ?? none, goal: 1 } },
      detail: { events, keys: loads.zipf.keys.length, results },
    };
  },
};

/**
 * The same drain under several conditions, by Freshet and by kafkajs + JSON.parse.
 * @template Condition
 * @param {Context} context
 * @param {readonly Condition[]} conditions
 * @param {(condition: Condition) => Promise<{ label: string, load: import("./load.mjs").Load,
 *   memcached?: readonly string[], env?: NodeJS.ProcessEnv }>} prepare
 */
async function drainUnder({ sandbox, size: { quick }, signal, progress }, conditions, prepare) {
  const rounds = quick ? 1 : 2;
  const rows = [];
  for (const condition of conditions) {
    const { label, ...how } = await prepare(condition);
    progress.next(label);
    const runners = [runner.parse, runner.freshet];
    const results = await measureDrain({ sandbox, ...how, runners, rounds, signal, progress });
    rows.push({ label, results });
  }
  const table = {
    headings: ["", "events/s", "CPU µs/event", "peak MB", "to kafkajs + JSON.parse"],
    rows: rows.map(({ label, results: [peer, own] }) => [
      label,
      withSpread(own?.eventsPerSecond ?? none),
      withSpread(own?.cpuMicrosPerEvent ?? none, 2),
      withSpread(own?.peakMb ?? none),
      withSpread(peer?.speedOfLast ?? none, 2),
    ]),
  };
  return { tables: [table], ratios: {}, detail: { rows } };
}

/** @type {Scenario} */
export const partitions = {
  about: "1 to 64 partitions",
  async run(context) {
    const { sandbox, size, signal } = context;
    const count = Math.ceil(size.events / 2);
    const result = await drainUnder(context, [1, 4, 16, 64], async (many) => ({
      label: `${many} partitions`,
      load: await prepareLoad(sandbox, {
        name: `partitions-${many}`,
        ids: uniqueIds(count),
        partitions: many,
        signal,
      }),
    }));
    return { title: `Drain of ${number(count)} events by the number of partitions`, ...result };
  },
};

/** @type {Scenario} */
export const nodes = {
  about: "1 to 8 memcached nodes",
  async run(context) {
    const { sandbox, size, signal } = context;
    const servers = await Promise.all(
      Array.from({ length: 8 }, async () =>
        memcachedNode({ port: await freePort(), logDir: sandbox.logDir }),
      ),
    );
    try {
      await Promise.all(servers.map((server) => server.start(signal)));
      const count = Math.ceil(size.events / 2);
      const load = await prepareLoad(sandbox, { name: "nodes", ids: uniqueIds(count), signal });
      const result = await drainUnder(context, [1, 2, 4, 8], (many) => {
        const memcached = servers.slice(0, many).map(({ address }) => address);
        const env = { MEMCACHED_PROFILES: memcached.join(",") };
        return Promise.resolve({ label: `${many} nodes`, load, memcached, env });
      });
      return { title: `Drain of ${number(count)} events by the number of memcached nodes`, ...result };
    } finally {
      await stopServers(servers);
    }
  },
};

/** @type {Scenario} */
export const values = {
  about: "events of 0.5 KB to 1 MB",
  async run(context) {
    const { sandbox, signal } = context;
    const most = context.size.quick ? 20_000_000 : 100_000_000;
    const result = await drainUnder(context, [0, 4_000, 64_000, 1_000_000], async (padBytes) => {
      const count = Math.min(context.size.events, Math.ceil(most / (padBytes + 500)));
      const name = `values-${padBytes}`;
      return {
        label: `${number((padBytes + 500) / 1_000, 1)} KB, ${number(count)} events`,
        load: await prepareLoad(sandbox, { name, ids: uniqueIds(count), padBytes, signal }),
      };
    });
    return { title: "Drain by the size of an event", ...result };
  },
};

const FETCH_BYTES = fileURLToPath(new URL("fetch-bytes.mjs", import.meta.url));
/** The most of the last keys that are watched: memcached holds 64 MB. */
const WATCHED = 200_000;

/** @type {Scenario} */
export const memory = {
  about: "resident memory while a million events are drained, by the size of a fetch",
  async run({ sandbox, size: { quick, events }, signal, progress }) {
    const count = quick ? events : 1_000_000;
    progress.next(`publishing ${count} events`);
    const ids = uniqueIds(count);
    const load = await prepareLoad(sandbox, { name: "memory", ids, fill: WATCHED, signal });
    const rows = [];
    for (const kilobytes of [64, 256, 1_024]) {
      const env = { BENCH_FETCH_BYTES: String(kilobytes * 1_024) };
      const preload = ["--import", FETCH_BYTES];
      const sized = {
        name: `${kilobytes} KB of a partition`,
        drain: (/** @type {runner.Round} */ round) =>
          runner.drainByInvalidator({ ...round, env, nodeArgs: preload }),
      };
      const [result] = await measureDrain({ sandbox, load, runners: [sized], rounds: 1, signal, progress });
      if (result) rows.push(result);
    }
    const chosen = rows[1]?.peakMb ?? none;
    return {
      title: `Drain of ${number(count)} events by what one fetch asks of a partition`,
      tables: [drainTable(rows)],
      ratios: { "memory, peak MB to 250": { value: scaled(chosen, 1 / 250), goal: 1, atMost: true } },
      detail: { events: count, rows },
    };
  },
};

/**
 * @param {Spread} spread
 * @param {number} factor
 */
function scaled({ median, lowest, highest }, factor) {
  return { median: median * factor, lowest: lowest * factor, highest: highest * factor };
}

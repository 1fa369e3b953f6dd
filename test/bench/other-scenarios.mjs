import { measureLatency } from "./latency.mjs";
import { PARTITIONS, prepareLoad, uniqueIds } from "./load.mjs";
import { measureOverhead } from "./overhead.mjs";
import { measurePlans } from "./plan.mjs";
import { profileDrain } from "./profile.mjs";
import { measureReads } from "./read.mjs";
import { measureRelay } from "./relay.mjs";
import { number, withSpread } from "./report.mjs";
import { measureRestart } from "./restart.mjs";
import { spread } from "./statistics.mjs";
import { measureWrites } from "./write.mjs";

/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/** @typedef {import("./scenarios.mjs").Ratio} Ratio */

/** @type {Scenario} */
export const latency = {
  about: "commit → gone at 10, 50 and 80 % of what the service can take, the writer's own delete off",
  async run({ sandbox, size: { quick }, signal, progress }) {
    const result = await measureLatency(sandbox, { updates: quick ? 200 : 500, signal, progress });
    const cells = (/** @type {{ p50: number, p90: number, p99: number, max: number }} */ ms) =>
      [ms.p50, ms.p90, ms.p99, ms.max].map((value) => number(value, 1));
    const of = (/** @type {number} */ share) => `${share * 100} %`;
    return {
      title: `Commit → gone in milliseconds; the service takes ${number(result.capacityPerSecond)} updates/s`,
      tables: [
        {
          headings: ["", "updates/s", "p50", "p90", "p99", "max"],
          rows: result.loads.flatMap(({ share, ratePerSecond, commitToGoneMs, floorMs }) => [
            [`commit → gone at ${of(share)}`, number(ratePerSecond), ...cells(commitToGoneMs)],
            ["floor: produce → consume by bare kafkajs", "", ...cells(floorMs)],
          ]),
        },
        {
          headings: ["of it, from one step to the next, at 10 %", "p50", "p90", "p99", "max"],
          rows: result.steps.map(({ what, ms }) => [what, ...cells(ms)]),
        },
        {
          headings: ["resident memory", "MB"],
          rows: result.memory.map(({ name, mb }) => [name, number(mb)]),
        },
      ],
      ratios: Object.fromEntries(
        result.loads.flatMap(({ share, commitToGoneMs, floorMs }) => {
          /** @type {[string, Ratio][]} */
          const ratios = [
            [
              `commit → gone at ${of(share)}, ms over the floor's p50`,
              { value: spread([commitToGoneMs.p50 - floorMs.p50]), goal: 3, atMost: true },
            ],
            [
              `commit → gone at ${of(share)}, p99 to the floor's`,
              { value: spread([commitToGoneMs.p99 / floorMs.p99]), goal: 1.5, atMost: true },
            ],
          ];
          return ratios;
        }),
      ),
      detail: result,
    };
  },
};

/** @type {Scenario} */
export const rules = {
  about: "planning among 10 rules, and among 10,000 that do not concern the event",
  run({ size: { quick, rounds }, signal, progress }) {
    const plans = quick ? 50_000 : 300_000;
    progress.next(`${plans} plans a round`);
    const results = measurePlans({ plans, rounds, signal });
    return Promise.resolve({
      title: `${number(plans)} plans of 4 keys a round`,
      tables: [
        {
          headings: ["the rules beside it are of", "ns/event, 10 rules", "ns/event, 10,000", "10,000 to 10"],
          rows: results.map(({ others, few, many, ratio }) => [
            others,
            withSpread(few),
            withSpread(many),
            withSpread(ratio, 2),
          ]),
        },
      ],
      ratios: Object.fromEntries(
        results.map(({ others, ratio }) => [
          `10,000 rules of ${others}, to 10`,
          { value: ratio, goal: 1.1, atMost: true },
        ]),
      ),
      detail: { plans, results },
    });
  },
};

/** @type {Scenario} */
export const relay = {
  about: "the outbox's relay, beside kafkajs's own producer",
  async run({ sandbox, size: { quick, rounds }, signal, progress }) {
    const rows = quick ? 20_000 : 100_000;
    const result = await measureRelay(sandbox, { rows, rounds, signal, progress });
    return {
      title: `${number(rows)} rows of the outbox`,
      tables: [
        {
          headings: ["", "rows/s"],
          rows: [
            ["kafkajs's producer, 2,000 a send", withSpread(result.raw)],
            ["the relay", withSpread(result.relay)],
            ["the relay to it", withSpread(result.relayToRaw, 2)],
          ],
        },
      ],
      ratios: { "relay, to kafkajs's producer": { value: result.relayToRaw, goal: 0.6 } },
      detail: { rows, ...result },
    };
  },
};

/** @type {Scenario} */
export const write = {
  about: "PATCH over HTTP, with and without the INSERT into the outbox",
  async run({ sandbox, size: { quick, rounds }, signal, progress }) {
    const turns = quick ? 6 : rounds * 3;
    const { results } = await measureWrites(sandbox, { turns, signal, progress });
    return {
      title: `PATCH on kept connections, ${turns} turns`,
      tables: [
        {
          headings: [
            "",
            "at once",
            "PATCH/s",
            "p50 ms",
            "p99 ms",
            "CPU µs/PATCH",
            "PATCH/s to without",
            "CPU",
          ],
          rows: results.map((one) => [
            one.name,
            String(one.concurrency),
            withSpread(one.requestsPerSecond),
            withSpread(one.p50, 1),
            withSpread(one.p99, 1),
            number(one.cpuMicros),
            number(one.throughputToBase.median, 2),
            number(one.cpuOfBase, 2),
          ]),
        },
      ],
      ratios: Object.fromEntries(
        results
          .filter(({ name }) => name === "with it")
          .map(({ concurrency, throughputToBase }) => [
            `PATCH with the outbox, ${concurrency} at once, to without`,
            { value: throughputToBase, goal: 0.85 },
          ]),
      ),
      detail: { turns, results },
    };
  },
};

/** @type {Scenario} */
export const read = {
  about: "hits of the reading cache, beside plain memjs.get",
  async run({ sandbox, size: { quick, rounds }, signal, progress }) {
    const [node = ""] = sandbox.memcachedNodes;
    const reads = quick ? 1_000 : 5_000;
    const { results } = await measureReads({ node, reads, rounds, signal, progress });
    const ours = results.filter(({ name }) => name === "cache.get, meta driver" || name.includes("getMany"));
    return {
      title: `${number(reads)} hits, one process, one node`,
      tables: [
        {
          headings: ["", "", "", "reads/s", "CPU µs/read", "speed to memjs.get", "CPU to memjs.get"],
          rows: results.map(({ name, size, atOnce, readsPerSecond, cpuMicros, speedToPeer, cpuToPeer }) => [
            name,
            size,
            atOnce,
            withSpread(readsPerSecond),
            withSpread(cpuMicros, 1),
            withSpread(speedToPeer, 2),
            withSpread(cpuToPeer, 2),
          ]),
        },
      ],
      ratios: Object.fromEntries(
        ours
          .filter(({ name }) => !name.includes("memjs driver"))
          .map(({ name, size, atOnce, speedToPeer }) => [
            `${name}, ${size}, ${atOnce}, to memjs.get`,
            { value: speedToPeer, goal: 0.9 },
          ]),
      ),
      detail: { reads, results },
    };
  },
};

/** @type {Scenario} */
export const restart = {
  about: "the invalidator killed and started again within a backlog",
  async run({ sandbox, size: { quick, events }, signal, progress }) {
    const count = quick ? Math.max(events, 200_000) : 1_000_000;
    progress.next(`publishing ${count} events`);
    const load = await prepareLoad(sandbox, { name: "restart", ids: uniqueIds(count), fill: 0, signal });
    progress.next("killing it, starting it again");
    const result = await measureRestart(sandbox, { load, signal });
    return {
      title: `kill -9 within ${number(count)} events, ${number(result.left)} of them left`,
      tables: [
        {
          headings: ["from the new process's start", "ms"],
          rows: [
            ["to the first delete", number(result.firstDeleteMs)],
            ["to no lag", number(result.noLagMs)],
          ],
        },
      ],
      ratios: {},
      detail: { events: count, ...result },
    };
  },
};

/** @type {Scenario} */
export const overhead = {
  about: "the drain without metrics, with them, and with the auditor beside it",
  async run({ sandbox, size: { events, rounds }, signal, progress }) {
    const options = { events, rounds, partitions: PARTITIONS, signal, progress };
    const { results } = await measureOverhead(sandbox, options);
    const audits = results.flatMap(({ audit }) => (audit ? [audit] : []));
    return {
      title: `Drain of ${number(events)} events, fan-out 1`,
      tables: [
        {
          headings: [
            "the invalidator",
            "events/s",
            "CPU µs/event",
            "peak MB",
            "events/s to without",
            "CPU to without",
          ],
          rows: results.map((one) => [
            one.name,
            withSpread(one.eventsPerSecond),
            withSpread(one.cpuMicrosPerEvent, 2),
            withSpread(one.peakMb),
            withSpread(one.eventsPerSecondToBase, 2),
            withSpread(one.cpuToBase, 2),
          ]),
        },
        ...audits.map((audit) => ({
          headings: ["the auditor, whose every check was fresh", ""],
          rows: [
            ["checks of a round", number(audit.checks)],
            ["CPU µs to take an event", withSpread(audit.readMicrosPerEvent, 2)],
            ["CPU µs a check", withSpread(audit.microsPerCheck, 2)],
            ["CPU µs of memcached a check", withSpread(audit.nodeMicrosPerCheck, 2)],
            ["peak MB", withSpread(audit.mb)],
          ],
        })),
      ],
      ratios: {},
      detail: { events, results },
    };
  },
};

/** @type {Scenario} */
export const profile = {
  about: "where the invalidator's processor time goes: by stage, and by function",
  async run({ sandbox, size: { events }, signal, progress }) {
    const profiles = [];
    for (const fanOut of [1, 10]) {
      const count = fanOut === 1 ? events : Math.ceil(events / 4);
      progress.next(`draining ${count} events of ${fanOut} keys under the profiler`);
      profiles.push({ fanOut, ...(await profileDrain(sandbox, { events: count, fanOut, signal })) });
    }
    return {
      title: "One drain each under the profiler, which slows down what it looks at",
      tables: profiles.flatMap(({ fanOut, drain, stages, costs }) => [
        {
          headings: [
            `stage, ${fanOut} keys an event: ${number(drain.eventsPerSecond)} events/s`,
            "CPU µs/event",
          ],
          rows: stages.map(({ stage, micros }) => [stage, number(micros, 2)]),
        },
        {
          headings: [`self time by function, ${fanOut} keys an event`, "%"],
          rows: costs.slice(0, 20).map(({ where, share }) => [where, number(share * 100, 1)]),
        },
      ]),
      ratios: {},
      detail: { profiles: profiles.map(({ fanOut, file, stages }) => ({ fanOut, file, stages })) },
    };
  },
};

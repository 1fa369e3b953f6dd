// A million events wait for an invalidator: it drains them at flat memory. Then a node comes back that has missed as
// many as a fifth of that, and is caught up beside live events. `npm run test:drain -- --rows 1000000` runs it alone.
import { readFileSync } from "node:fs";
import { createTopology, parseNodeList } from "@freshet/cache";
import kafkajs, { type Producer } from "kafkajs";
import { expect, test } from "vitest";
import { groupPartitions } from "../support/checker.ts";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { ownBroker } from "../support/own-servers.ts";
import { type RunningApp, System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

const rows = Number(process.env["BACKLOG_ROWS"] ?? 1_000_000);
const slowPoolMs = Number(process.env["DRAIN_SLOW_POOL_MS"] ?? 0);
const missed = Math.ceil(rows / 5);
const samples = 100;
const sendAtOnce = 5_000;

function message(subject: string) {
  const side = { handle: `h-${subject}`, teamIds: ["t1", "t2"] };
  const data = { version: 2, change: "updated", changedFields: ["displayName"], before: side, after: side };
  const time = new Date().toISOString();
  const event = {
    specversion: "1.0",
    id: subject,
    source: "spec",
    type: "ProfileChanged",
    subject,
    time,
    data,
  };
  return { key: subject, value: JSON.stringify(event) };
}

async function publishMany(producer: Producer, topic: string, count: number, prefix: string): Promise<void> {
  for (let from = 0; from < count; from += sendAtOnce) {
    const size = Math.min(sendAtOnce, count - from);
    const messages = Array.from({ length: size }, (_, index) => message(`${prefix}${from + index}`));
    await producer.send({ topic, acks: -1, messages });
  }
}

function residentMb({ pid }: RunningApp): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;
}

/**
 * Resolves once all is committed: with the resident memory in MB, sampled as often as the group was looked at, and the
 * seconds until each pool was drained.
 */
async function untilDrained(system: System, invalidator: RunningApp) {
  const began = performance.now();
  const curve: number[] = [];
  const seconds = new Map<string, number>();
  await waitFor(
    async () => {
      curve.push(Math.round(residentMb(invalidator)));
      for (const pool of ["profiles", "teams"] as const) {
        const partitions = await groupPartitions(system, pool);
        if (!seconds.has(pool) && partitions.every(({ committed, high }) => committed >= high))
          seconds.set(pool, Math.round((performance.now() - began) / 1_000));
      }
      return seconds.size === 2;
    },
    { timeoutMs: 1_200_000, intervalMs: 200, describe: "the backlog to be drained" },
  );
  return { curve, seconds: Object.fromEntries(seconds) };
}

/** From publishing to gone, in ms, of one event after the other whose key this node owns. */
async function goneMs(system: System, producer: Producer, node: string, count: number): Promise<number[]> {
  const { ownerOf } = createTopology("ketama", parseNodeList(appNodes(system)));
  const delays: number[] = [];
  for (let n = 0; delays.length < count; n += 1) {
    const subject = uniqueName(`live-${n}`);
    const key = `user_profile:${subject}`;
    if (ownerOf(key).name !== node) continue;
    await writeKey(node, key, "old");
    const began = performance.now();
    await producer.send({ topic: system.topic, acks: -1, messages: [message(subject)] });
    while ((await readKey(node, key)) !== undefined);
    delays.push(performance.now() - began);
  }
  return delays.sort((one, other) => one - other);
}

function appNodes(system: System): string[] {
  return system.proxies?.map(({ address }) => address) ?? [];
}

function summary(delays: readonly number[]) {
  const at = (share: number) => Math.round(delays[Math.floor((delays.length - 1) * share)] ?? Number.NaN);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1) };
}

test(
  "a million events are drained at flat memory, and a node is caught up beside live events that hardly wait for it",
  { timeout: 1_800_000 },
  async () => {
    const broker = await ownBroker();
    await using system = await System.create({ brokers: [broker.address], proxied: true });
    const [away, other] = system.proxies ?? [];
    if (away === undefined || other === undefined) throw new Error("no proxies");
    const kafka = new kafkajs.Kafka({ brokers: [...system.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    await publishMany(producer, system.topic, rows, "b");

    for (const proxy of [away, other]) proxy.delayMs = slowPoolMs;
    const invalidator = await system.startInvalidator();
    const { curve, seconds } = await untilDrained(system, invalidator);
    const [first, second] = [curve.slice(0, curve.length / 2), curve.slice(curve.length / 2)];
    const tenths = Array.from({ length: 10 }, (_, n) => curve[Math.floor((n * curve.length) / 10)]);
    console.log({
      rows,
      slowPoolMs,
      seconds,
      residentMb: tenths,
      mostMb: Math.max(...curve),
    });
    expect(Math.max(...second)).toBeLessThan(Math.max(...first) * 1.15);
    expect(Math.max(...curve)).toBeLessThan(250);
    for (const proxy of [away, other]) proxy.delayMs = 0;

    const quiet = summary(await goneMs(system, producer, other.address, samples));
    away.mode = "black-hole";
    await publishMany(producer, system.topic, missed, "m");
    await untilDrained(system, invalidator);
    away.mode = "forward";
    const left = () =>
      metric(invalidator, `freshet_catch_up_events_left{pool="profiles",node="${away.address}"}`);
    await waitFor(async () => (await left()) > 0, { timeoutMs: 30_000, describe: "the replay" });
    const replayBegan = performance.now();
    // Each look has all metrics written by the process that is measured: 40 a second halved the speed of its replay.
    const ended = waitFor(async () => (await left()) === 0, {
      timeoutMs: 600_000,
      intervalMs: 1_000,
      describe: "its end",
    });
    const beside = summary(await goneMs(system, producer, other.address, samples));
    const leftWhenMeasured = await left();
    await ended;
    const replaySeconds = (performance.now() - replayBegan) / 1_000;
    const sliceMs = await slicesMs(invalidator);
    const quietAgain = summary(await goneMs(system, producer, other.address, samples));
    console.log({
      missed,
      replayedPerSecond: Math.round(missed / replaySeconds),
      sliceMs,
      goneMsQuiet: quiet,
      goneMsBesideTheReplay: beside,
      goneMsQuietAgain: quietAgain,
      leftWhenMeasured,
      mostMb: Math.round(residentMb(invalidator)),
    });
    expect(leftWhenMeasured).toBeGreaterThan(0); // else they were not beside it
    for (const share of ["p50", "p90"] as const) {
      const added = beside[share] - Math.max(quiet[share], quietAgain[share]);
      expect(added).toBeLessThanOrEqual(sliceMs.most);
    }
    expect(residentMb(invalidator)).toBeLessThan(250);
    await producer.disconnect();
    expect(
      await metric(invalidator, `freshet_node_owed_partitions{pool="profiles",node="${away.address}"}`),
    ).toBe(0);
  },
);

/** How long slices took, by the bounds of the histogram's buckets. */
async function slicesMs({ url }: RunningApp): Promise<{ mean: number; p50: number; most: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const of = (name: string) => `freshet_catch_up_slice_seconds_${name}`;
  const value = (name: string) =>
    Number(new RegExp(`^${of(name)}\\{pool="profiles"\\} (\\S+)$`, "m").exec(text)?.[1]);
  const buckets = [
    ...text.matchAll(new RegExp(`^${of("bucket")}\\{le="([^"]+)",pool="profiles"\\} (\\d+)$`, "gm")),
  ];
  const [sum, count] = [value("sum"), value("count")];
  const boundOf = (share: number) =>
    1_000 * Number(buckets.find(([, , below]) => Number(below) >= share * count)?.[1]);
  return { mean: Number(((sum / count) * 1_000).toFixed(1)), p50: boundOf(0.5), most: boundOf(1) };
}

async function metric({ url }: RunningApp, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  );
}

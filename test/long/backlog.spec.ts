// A million events wait while the broker is away: the service goes on, at bounded memory, and afterwards all of them
// arrive in order. `npm run test:backlog -- --rows 1000000` runs it alone.
import { readFileSync } from "node:fs";
import kafkajs from "kafkajs";
import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { uniqueName } from "../support/names.ts";
import { ownBroker } from "../support/own-servers.ts";
import { type RunningApp, System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

const rows = Number(process.env["BACKLOG_ROWS"] ?? 1_000_000);
const entities = 10_000;
const versions = Math.ceil(rows / entities);
/** Versions of all entities that one statement writes. */
const slice = 10;

test(
  "with a million events waiting the service writes on at bounded memory, and all of them arrive in order",
  { timeout: 1_200_000 },
  async () => {
    const broker = await ownBroker();
    await using system = await System.create({ brokers: [broker.address] });
    const service = await system.startService();
    const profile = { id: "writer", handle: "writer", displayName: "0" };
    expect((await send(service, "POST", "/profiles", profile)).status).toBe(201);
    await waitFor(async () => (await metric(system, "freshet_outbox_published_total")) === 1, {
      describe: "the relay's first event",
    });
    const writer = new Writer(service);
    const memory = new Memory(service.pid ?? 0);
    await using watch = watching(async () => {
      await writer.write();
      await memory.sample(system);
    });

    await broker.kill();
    await waitFor(
      async () => (await metric(system, 'freshet_outbox_relay_state{state="broker_down"}')) === 1,
      {
        timeoutMs: 60_000,
        describe: "the relay to notice",
      },
    );
    const idleMb = memory.residentMb;
    for (let version = 1; version <= versions; version += slice) await insert(system, version);
    const waiting = async () => {
      const { rows: counted } = await query(
        system.databaseUrl,
        "SELECT count(*)::int AS rows FROM outbox_events",
      );
      return (counted[0] as { rows: number }).rows;
    };
    const before = await waiting();
    const size = await waitFor(
      async () => {
        const told = await metric(system, "freshet_outbox_rows");
        return told >= before ? told : undefined;
      },
      { timeoutMs: 60_000, describe: "the size as a metric" },
    );
    expect(size).toBeLessThanOrEqual(await waiting());
    expect(size).toBeGreaterThanOrEqual(entities * versions);
    expect(await metric(system, "freshet_outbox_oldest_age_seconds")).toBeGreaterThan(1);
    const written = writer.count;
    const metricsMs = await medianMs(31, () => metric(system, "freshet_outbox_rows"));

    const began = performance.now();
    await broker.start();
    await waitFor(async () => (await metric(system, "freshet_outbox_rows")) < entities, {
      timeoutMs: 600_000,
      describe: "the drain",
    });
    const drainSeconds = (performance.now() - began) / 1_000;
    await watch.end();
    await waitFor(async () => (await metric(system, "freshet_outbox_rows")) === 0, {
      timeoutMs: 60_000,
      describe: "an empty outbox",
    });
    expect(await waiting()).toBe(0);

    const { problems, repeated } = await checkOrder(system, writer.version);
    console.log({
      rows: size,
      writesWhileWaiting: written,
      writes: writer.count,
      slowestWriteMs: Math.round(writer.slowestMs),
      idleMb: Math.round(idleMb),
      mostMb: Math.round(memory.mostMb),
      metricsMs: Math.round(metricsMs),
      drainRowsPerSecond: Math.round((size - entities) / drainSeconds),
      repeated,
      problems: problems.length,
    });
    expect(problems).toEqual([]);
    expect(written).toBeGreaterThan(0);
    // A batch of the relay has 4 MiB: a backlog that is held in memory has gigabytes.
    expect(memory.mostMb).toBeLessThan(500);
  },
);

/** The next versions of every entity, in the order in which a service would have written them. */
async function insert({ databaseUrl, topic }: System, from: number): Promise<void> {
  const to = Math.min(from + slice - 1, versions);
  await query(
    databaseUrl,
    `INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, topic, payload)
     SELECT event, 'profile', 'e' || entity, 'ProfileChanged', '${topic}', json_build_object(
       'specversion', '1.0', 'id', event, 'source', 'profile-service', 'type', 'ProfileChanged',
       'subject', 'e' || entity, 'time', '2026-11-22T20:00:00.000Z', 'data', json_build_object(
         'version', version, 'change', 'updated', 'changedFields', json_build_array('displayName'),
         'before', json_build_object('handle', 'h' || entity, 'teamIds', json_build_array('t1', 't2')),
         'after', json_build_object('handle', 'h' || entity, 'teamIds', json_build_array('t1', 't2'))))
     FROM (SELECT version, entity, gen_random_uuid() AS event
           FROM generate_series(${from}, ${to}) AS version, generate_series(1, ${entities}) AS entity
           ORDER BY version, entity) AS changes`,
  );
}

/** I5 and I6 over the whole topic, read once and not kept: of each entity every version, none before an older one. */
async function checkOrder({ brokers, topic }: System, writes: number) {
  const ends = await kafkaAdmin([...brokers], (admin) => admin.fetchTopicOffsets(topic));
  const count = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const newest = new Map<string, number>();
  const problems: string[] = [];
  let [read, repeated] = [0, 0];
  const kafka = new kafkajs.Kafka({
    clientId: "spec",
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const consumer = kafka.consumer({ groupId: uniqueName("reader"), maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch }) => {
      for (const { key, value } of batch.messages) {
        const id = String(key);
        const { data } = JSON.parse(String(value)) as { data: { version: number } };
        const last = newest.get(id) ?? 0;
        if (data.version <= last) repeated += 1;
        else if (data.version === last + 1) newest.set(id, data.version);
        else problems.push(`${id}: ${data.version} after ${last}`);
      }
      read += batch.messages.length;
      return Promise.resolve();
    },
  });
  await waitFor(() => read >= count, { timeoutMs: 300_000, describe: `${count} records` });
  await consumer.disconnect();
  const wanted = new Map<string, number>();
  for (let entity = 1; entity <= entities; entity += 1) wanted.set(`e${entity}`, versions);
  for (const [id, version] of wanted.set("writer", writes))
    if (newest.get(id) !== version) problems.push(`${id}: ${newest.get(id) ?? 0} of ${version} versions`);
  return { problems: problems.slice(0, 20), repeated };
}

/** Changes one profile again and again, and remembers how long the slowest took. */
class Writer {
  count = 0;
  slowestMs = 0;
  version = 1;
  readonly #service: RunningApp;

  constructor(service: RunningApp) {
    this.#service = service;
  }

  async write(): Promise<void> {
    const began = performance.now();
    const answer = await send(this.#service, "PATCH", "/profiles/writer", {
      displayName: String(this.version),
    });
    expect(answer.status).toBe(200);
    this.version = ((await answer.json()) as { version: number }).version;
    this.count += 1;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - began);
  }
}

/** The resident memory of a process, whose metrics are asked for at each sample: they must stay cheap. */
class Memory {
  residentMb = 0;
  mostMb = 0;
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  async sample(system: System): Promise<void> {
    await metric(system, "freshet_outbox_rows");
    const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    this.residentMb = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
    this.mostMb = Math.max(this.mostMb, this.residentMb);
  }
}

/** Does this over and over until it is told to end; `end` rejects with what failed. */
function watching(one: () => Promise<void>): AsyncDisposable & { end(): Promise<void> } {
  const ending = new AbortController();
  const run = (async () => {
    while (!ending.signal.aborted) await one();
  })();
  // A failure is told by `end`, which may be called much later.
  run.catch(() => undefined);
  const end = async () => {
    ending.abort();
    await run;
  };
  return { end, [Symbol.asyncDispose]: () => end().catch(() => undefined) };
}

async function medianMs(times: number, one: () => Promise<unknown>): Promise<number> {
  const delays: number[] = [];
  while (delays.length < times) {
    const began = performance.now();
    await one();
    delays.push(performance.now() - began);
  }
  return delays.sort((a, b) => a - b)[Math.floor(times / 2)] ?? NaN;
}

async function send({ url }: RunningApp, method: string, path: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return await fetch(url + path, { method, headers, body: JSON.stringify(body) });
}

/** One sample of the service's metrics; NaN while there is none. */
async function metric({ internalAddress }: System, name: string): Promise<number> {
  const text = await (await fetch(`http://${internalAddress}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  );
}

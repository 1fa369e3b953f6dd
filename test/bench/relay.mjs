import { createEventPublisher, createKafka } from "@freshet/kafka";
import { OutboxRelay } from "@freshet/outbox";
import kafkajs from "kafkajs";
import pg from "pg";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { eventOf } from "./events.mjs";
import { spread } from "./statistics.mjs";

const TOPIC = "relay.events.v1";
/** Messages of one send by the peer: it gains nothing by more. */
const RAW_BATCH = 2_000;

/** @typedef {import("../../scripts/local/sandbox.mjs").Sandbox} Sandbox */

/**
 * Rows a second from an outbox that is full to its last row acknowledged by Kafka, beside kafkajs's own producer
 * that has the same messages in memory; turn by turn.
 * @param {Sandbox} sandbox
 * @param {{ rows: number, rounds: number, signal: AbortSignal, progress: import("./progress.mjs").Progress }} options
 */
export async function measureRelay(sandbox, { rows, rounds, signal, progress }) {
  await ensureTopics(sandbox.brokers, [TOPIC], { partitions: 8 });
  const pool = new pg.Pool({ connectionString: sandbox.databaseUrl });
  const events = Array.from({ length: rows }, (_, n) => eventOf(String(1_000_000 + n), 0));
  const runners = {
    raw: () => produce(sandbox, events),
    relay: async () => {
      await fillOutbox(pool, events);
      return await drain(sandbox, pool, rows, signal);
    },
  };
  try {
    const measured = { raw: /** @type {number[]} */ ([]), relay: /** @type {number[]} */ ([]) };
    /** @type {readonly ("raw" | "relay")[]} */
    const names = ["raw", "relay"];
    for (let round = -1; round < rounds; round += 1)
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        signal.throwIfAborted();
        progress.next(round < 0 ? `warming up: ${name}` : `round ${round + 1} of ${rounds}: ${name}`);
        const seconds = await runners[name]();
        if (round >= 0) measured[name].push(rows / seconds);
      }
    const { raw, relay } = measured;
    return {
      raw: spread(raw),
      relay: spread(relay),
      relayToRaw: spread(relay.map((rate, round) => rate / (raw[round] ?? NaN))),
    };
  } finally {
    await pool.end();
  }
}

/**
 * @param {pg.Pool} pool
 * @param {readonly { key: string, value: string }[]} events
 */
async function fillOutbox(pool, events) {
  for (let from = 0; from < events.length; from += 5_000) {
    const some = events.slice(from, from + 5_000);
    await pool.query(
      `INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, topic, payload)
       SELECT (payload->>'id')::uuid, 'profile', payload->>'subject', 'ProfileChanged', $2, payload
       FROM unnest($1::json[]) AS payload`,
      [some.map(({ value }) => value), TOPIC],
    );
  }
  await pool.query("VACUUM ANALYZE outbox_events");
}

/**
 * @param {Sandbox} sandbox
 * @param {pg.Pool} pool
 * @param {number} rows
 * @param {AbortSignal} signal
 * @returns {Promise<number>} seconds
 */
async function drain({ brokers }, pool, rows, signal) {
  const publisher = createEventPublisher(createKafka({ brokers, clientId: "bench-relay" }));
  await publisher.ping({ signal });
  /** @type {(value?: unknown) => void} */
  let done = () => undefined;
  const drained = new Promise((resolve) => (done = resolve));
  let published = 0;
  const relay = new OutboxRelay({
    pool,
    publish: (messages, options) => publisher.publish(messages, options),
    ping: (options) => publisher.ping(options),
    on: (event) => {
      if (event.type === "published") published += event.rows;
      if (published === rows) done();
    },
  });
  const began = performance.now();
  relay.start();
  await Promise.race([
    drained,
    new Promise((_, reject) => signal.addEventListener("abort", reject, { once: true })),
  ]);
  const seconds = (performance.now() - began) / 1_000;
  await relay.stop();
  await publisher.close();
  const { rowCount } = await pool.query("SELECT FROM outbox_events LIMIT 1");
  if (rowCount !== 0) throw new Error("the outbox is not empty after every row was published");
  return seconds;
}

/**
 * @param {Sandbox} sandbox
 * @param {readonly { key: string, value: string, headers: Record<string, string> }[]} events
 * @returns {Promise<number>} seconds
 */
async function produce({ brokers }, events) {
  const kafka = new kafkajs.Kafka({ clientId: "raw", brokers, logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const began = performance.now();
  for (let from = 0; from < events.length; from += RAW_BATCH)
    await producer.send({ topic: TOPIC, acks: -1, messages: events.slice(from, from + RAW_BATCH) });
  const seconds = (performance.now() - began) / 1_000;
  await producer.disconnect();
  return seconds;
}

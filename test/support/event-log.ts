import kafkajs from "kafkajs";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { uniqueName } from "./names.ts";
import { type System } from "./system.ts";
import { waitFor } from "./wait-for.ts";

/** A record as the broker holds it. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: string;
  /** When the broker appended it, in ms since 1970. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Everything that a topic holds now, each partition in its order. */
export async function readTopic(brokers: readonly string[], topic: string): Promise<LogRecord[]> {
  const ends = await kafkaAdmin([...brokers], (admin) => admin.fetchTopicOffsets(topic));
  const count = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  if (count === 0) return [];
  const kafka = new kafkajs.Kafka({
    clientId: "spec",
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const consumer = kafka.consumer({ groupId: uniqueName("reader"), maxWaitTimeInMs: 50 });
  const records: LogRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message: { offset, timestamp, key, value, headers = {} } }) => {
      const texts = Object.entries(headers).map(([name, content]) => [name, String(content)] as const);
      records.push({
        partition,
        offset,
        timestamp: Number(timestamp),
        key: key?.toString() ?? null,
        value,
        headers: Object.fromEntries(texts),
      });
      return Promise.resolve();
    },
  });
  await waitFor(() => records.length >= count, {
    timeoutMs: 30_000,
    describe: `${count} records of ${topic}`,
  });
  await consumer.disconnect();
  return records;
}

/** What the topic lacks of what was committed, or has too much of it; `repeated` counts second copies of an event. */
export interface EventsVerdict {
  readonly repeated: number;
  readonly problems: readonly string[];
}

/**
 * I5 and I6: this service numbers the versions of a profile without gaps, so the topic must hold exactly 1 to the
 * committed one of each, in order once repetitions are left out.
 */
export async function checkEvents({ brokers, topic, databaseUrl }: System): Promise<EventsVerdict> {
  const answer = await query(databaseUrl, "SELECT id, version::int FROM profiles");
  const rows = answer.rows as { id: string; version: number }[];
  const committed = new Map(rows.map(({ id, version }) => [id, version]));
  const published = new Map<string, number[]>();
  const ids = new Set<string>();
  let repeated = 0;
  for (const { key, value } of await readTopic(brokers, topic)) {
    if (key === null || value === null || !committed.has(key)) continue;
    const event = JSON.parse(value.toString()) as { id: string; data: { version: number } };
    if (ids.has(event.id)) repeated += 1;
    else published.set(key, [...(published.get(key) ?? []), event.data.version]);
    ids.add(event.id);
  }
  const problems = [...committed].flatMap(([id, version]) => {
    const versions = (published.get(id) ?? []).join(",");
    const expected = Array.from({ length: version }, (_, index) => index + 1).join(",");
    return versions === expected ? [] : [`${id}: published ${versions}, committed ${expected}`];
  });
  return { repeated, problems };
}

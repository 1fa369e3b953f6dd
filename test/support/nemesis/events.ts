// What strangers publish: copies of what was there, in whatever order, events of their own, and what is none.
import { randomUUID } from "node:crypto";
import { type Message } from "kafkajs";
import { waitUntil } from "../../../scripts/local/wait.mjs";
import { type LogRecord, readTopic } from "../event-log.ts";
import { eventIn } from "../invariants.ts";
import { publish } from "../publish.ts";
import { type Fault } from "./schedule.ts";
import { type World } from "./world.ts";

/** The most that one fault publishes. */
const atMost = 40;

/** Publishes as the kind of the fault says; a broker that is away is waited for. */
export async function publishStrange(
  world: World,
  { kind, afterRequests }: Fault,
  log: (what: string) => void,
): Promise<undefined> {
  const { brokers, topic } = world.system;
  const send = async () => {
    const records = (await readTopic(brokers, topic)).filter((record) => eventIn(record) !== undefined);
    const messages = strangeMessages(kind, records, afterRequests, (id) => world.strangers.add(id));
    await publish(brokers, topic, messages);
    return { count: messages.length };
  };
  const { count } = await waitUntil("the broker to take what strangers publish", send, {
    timeoutMs: 120_000,
    intervalMs: 500,
  });
  log(`${count} records published by strangers`);
}

function strangeMessages(
  kind: Fault["kind"],
  records: readonly LogRecord[],
  choice: number,
  onStranger: (id: string) => void,
): Message[] {
  const copy = ({ partition, key, value, headers }: LogRecord): Message => ({
    partition,
    key,
    value,
    headers,
  });
  if (kind === "events doubled")
    return records.slice(-atMost / 2).flatMap((record) => [copy(record), copy(record)]);
  if (kind === "events in another order") return records.slice(-atMost).map(copy).reverse();
  if (kind === "old events") return records.slice(-atMost).map((record) => aged(record, onStranger));
  if (kind === "events replayed") {
    const { partition } = records[choice % records.length] ?? { partition: 0 };
    return records
      .filter((record) => record.partition === partition)
      .slice(0, atMost)
      .map(copy);
  }
  // Keys that name a profile: its keys are deleted, for all that can be told.
  return records.slice(-3).map(({ partition, key }) => ({ partition, key, value: `unreadable ${choice}` }));
}

/** An event of its own that says what an early version of the entity was. */
function aged({ partition, key, value, headers }: LogRecord, onStranger: (id: string) => void): Message {
  const event = JSON.parse(value?.toString() ?? "") as { data: object };
  const id = randomUUID();
  onStranger(id);
  const old = { ...event, id, source: "stranger", data: { ...event.data, version: 1 } };
  return { partition, key, value: JSON.stringify(old), headers };
}

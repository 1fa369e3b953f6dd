import { FreshetError } from "@freshet/contracts";
import { Option } from "commander";
import type { Ask, Clients } from "./kafka.ts";
import { rangesFrom, recordsIn } from "./read-range.ts";
import type { Session } from "./session.ts";
import type { TailRecord } from "./tail-line.ts";
import { parseStart, type TailStart } from "./tail-start.ts";

/** What is read, and until when. */
export interface Reading {
  /** Only named in errors. */
  readonly brokers: readonly string[];
  readonly topics: readonly string[];
  readonly from: TailStart;
  /** false: end where the topics ended when it began. */
  readonly follow: boolean;
}

/** --from; `start` as it is written on the command line. */
export function fromOption(start: "beginning" | "end"): Option {
  return new Option(
    "--from <start>",
    "beginning, end, an age (10m, 2h, 1d), a time (2026-11-22T20:00:00Z) or partition@offset (3@17)",
  )
    .argParser((text) => parseStart(text, Date.now()))
    .default({ at: start } satisfies TailStart, start);
}

/**
 * The records of topics as they come, read without a consumer group; each partition in its order, what came together
 * in the order of time. Ends with Ctrl-C.
 * @throws FreshetError KAFKA_TOPIC_UNKNOWN
 */
export async function* readRecords(
  session: Session,
  clients: Clients,
  ask: Ask,
  { brokers, topics, from, follow }: Reading,
): AsyncGenerator<readonly TailRecord[]> {
  const existing = await ask(clients.admin.listTopics());
  for (const topic of topics)
    if (!existing.includes(topic))
      throw new FreshetError("KAFKA_TOPIC_UNKNOWN", `${brokers.join(",")} has no topic ${topic}`);
  const ranges = (await Promise.all(topics.map((topic) => rangesFrom(topic, from, clients, ask)))).flat();
  if (ranges.length === 0)
    throw new FreshetError("KAFKA_TOPIC_UNKNOWN", `${topics.join(", ")}: no such partition`);
  for await (const found of recordsIn(session, clients, ask, ranges, { follow }))
    yield found
      .map(({ topic, partition, message }): TailRecord => ({ ...message, topic, partition }))
      .sort((a, b) => Number(a.timestamp) - Number(b.timestamp));
}

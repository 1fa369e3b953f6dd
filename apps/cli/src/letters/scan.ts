import { FreshetError } from "@freshet/contracts";
import { deadLetterTopic } from "@freshet/kafka";
import { type Command, Option } from "commander";
import { kafkaAccess } from "../config.ts";
import { type Ask, type Clients, withKafka } from "../kafka.ts";
import { graphIfThere, namedGraph } from "../manifests.ts";
import { Progress } from "../progress.ts";
import { rangesFrom, recordsIn } from "../read-range.ts";
import {
  jsonOption,
  type JsonOption,
  kafkaOptions,
  type KafkaOptions,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";
import { type DeadLetterRecord, readDeadLetter } from "./letter.ts";
import { addWhere, type Where } from "./where.ts";

/** Options that every command on letters has. */
export interface LetterOptions extends JsonOption, KafkaOptions, ManifestsOption {
  readonly where: Where;
}

/** Dead-letter topics of one command, with connected clients. */
export interface LetterBox {
  readonly topics: readonly string[];
  readonly clients: Clients;
  readonly ask: Ask;
  /** Reads every record that is there now, from `fromMs` on. */
  readonly scan: (
    label: string,
    fromMs: number | undefined,
    take: (record: DeadLetterRecord) => void,
  ) => Promise<void>;
  /** The same, batch by batch, each after the other; without a label it shows no progress. */
  readonly scanBatches: (
    label: string | undefined,
    fromMs: number | undefined,
    take: (records: readonly DeadLetterRecord[]) => Promise<void>,
  ) => Promise<void>;
}

export function whereOption(): Option {
  return new Option(
    "--where <name=value...>",
    "only letters with this reason=, pool=, topic=, partition=, parked from= or to= (10m, 2026-11-22T20:00:00Z)",
  )
    .argParser((text: string, before: Where) => addWhere(text, before, Date.now()))
    .default({} satisfies Where, "every letter");
}

export function letterOptions(command: Command): Command {
  return kafkaOptions(command).addOption(manifestsOption()).addOption(jsonOption());
}

/**
 * Opens the dead-letter topics of these topics, or of every topic of the manifests. A scan for the letters of a pool
 * that neither a manifest nor any letter names is refused: a typo would look like a pool without letters.
 * @throws FreshetError KAFKA_TOPIC_UNKNOWN, KAFKA_UNREACHABLE, KAFKA_REFUSED, POOL_UNKNOWN
 */
export async function withLetters<Result>(
  session: Session,
  options: LetterOptions,
  work: (box: LetterBox) => Promise<Result>,
): Promise<Result> {
  const { environment } = session.io;
  const access = kafkaAccess(environment, options);
  const { topic, pool } = options.where;
  const pools = new Set(
    pool === undefined ? [] : (await graphIfThere(environment, options.manifests))?.pools,
  );
  const topics =
    topic === undefined
      ? [
          ...new Set((await namedGraph(environment, options.manifests)).events.map((event) => event.topic)),
        ].sort()
      : [topic];
  return await withKafka(access, options.timeout * 1_000, async (clients, ask) => {
    const existing = await ask(clients.admin.listTopics());
    for (const letters of topics.map(deadLetterTopic))
      if (!existing.includes(letters))
        throw new FreshetError(
          "KAFKA_TOPIC_UNKNOWN",
          `${access.options.brokers.join(",")} has no topic ${letters}`,
        );
    const scanBatches: LetterBox["scanBatches"] = async (label, fromMs, take) => {
      const start = fromMs === undefined ? { at: "beginning" as const } : { at: "time" as const, ms: fromMs };
      const ranges = (
        await Promise.all(topics.map((each) => rangesFrom(deadLetterTopic(each), start, clients, ask)))
      ).flat();
      const total = ranges.reduce((sum, { offset, end }) => sum + Number(end - offset), 0);
      const progress = new Progress(session.io.stderr, label ?? "", total);
      for await (const records of recordsIn(session, clients, ask, ranges)) {
        const found = records.map(readDeadLetter);
        for (const record of found) if (record.kind === "letter") pools.add(record.pool);
        await take(found);
        if (label !== undefined) progress.advance(records.length);
      }
      progress.end();
      if (pool !== undefined && !pools.has(pool) && !session.io.signal.aborted)
        throw new FreshetError(
          "POOL_UNKNOWN",
          `no manifest and no letter names a pool ${pool}; there are ${[...pools].sort().join(", ") || "none"}`,
        );
    };
    const scan: LetterBox["scan"] = (label, fromMs, take) =>
      scanBatches(label, fromMs, (records) => {
        records.forEach(take);
        return Promise.resolve();
      });
    return await work({ topics, clients, ask, scan, scanBatches });
  });
}

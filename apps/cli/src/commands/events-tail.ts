import { FreshetError } from "@freshet/contracts";
import { type Command, Option } from "commander";
import { kafkaAccess } from "../config.ts";
import { type Ask, type Clients, withKafka } from "../kafka.ts";
import { namedGraph } from "../manifests.ts";
import { rangesFrom, stillThere, unlessLost } from "../read-range.ts";
import {
  count,
  jsonOption,
  type JsonOption,
  kafkaOptions,
  type KafkaOptions,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";
import { tailLine, type TailRecord } from "../tail-line.ts";
import { parseStart, type TailStart } from "../tail-start.ts";

interface TailOptions extends JsonOption, KafkaOptions, ManifestsOption {
  readonly topic?: readonly string[];
  readonly from: TailStart;
  readonly subject?: string;
  readonly limit?: number;
  readonly follow: boolean;
}

const maxWaitMs = 500;
const maxBytesPerPartition = 256 * 1_024;

/** `freshet events tail`: change events as they arrive, read without a consumer group. */
export function addEventsTail(events: Command, session: Session): void {
  const command = session.command(
    events,
    "tail",
    "Change events as they arrive; it joins no consumer group and commits nothing",
    [
      ["events tail", "every topic of the manifests, until Ctrl-C"],
      ["events tail --topic profile.events.v1 --subject 42", "one entity"],
      ["events tail --from 10m --no-follow --json", "the last ten minutes, one JSON document a line"],
      [
        "events tail --topic profile.events.v1.dlt --from beginning --limit 5",
        "dead letters, with their reasons",
      ],
    ],
  );
  kafkaOptions(command)
    .option("--topic <name...>", "topics to read (default: those of the manifests)")
    .addOption(
      new Option(
        "--from <start>",
        "beginning, end, an age (10m, 2h, 1d), a time (2026-11-22T20:00:00Z) or partition@offset (3@17)",
      )
        .argParser((text) => parseStart(text, Date.now()))
        .default({ at: "end" } satisfies TailStart, "end"),
    )
    .option("--subject <id>", "events of this entity only")
    .option("--limit <n>", "end after so many events", count)
    .option("--no-follow", "end where the topics ended when it began")
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async () => {
      const options = command.opts<TailOptions>();
      const { environment } = session.io;
      const access = kafkaAccess(environment, options);
      const topics =
        options.topic ??
        [
          ...new Set((await namedGraph(environment, options.manifests)).events.map(({ topic }) => topic)),
        ].sort();
      const brokers = access.options.brokers.join(",");
      await withKafka(access, options.timeout * 1_000, async (clients, ask) => {
        const existing = await ask(clients.admin.listTopics());
        for (const topic of topics)
          if (!existing.includes(topic))
            throw new FreshetError("KAFKA_TOPIC_UNKNOWN", `${brokers} has no topic ${topic}`);
        await tail(session, options, clients, ask, topics);
      });
    });
}

async function tail(
  session: Session,
  options: TailOptions,
  clients: Clients,
  ask: Ask,
  topics: readonly string[],
): Promise<void> {
  const { signal } = session.io;
  let positions = (
    await Promise.all(topics.map((topic) => rangesFrom(topic, options.from, clients, ask)))
  ).flat();
  if (positions.length === 0)
    throw new FreshetError("KAFKA_TOPIC_UNKNOWN", `${topics.join(", ")}: no such partition`);
  let left = options.limit ?? Infinity;
  while (!signal.aborted) {
    if (!options.follow) positions = positions.filter(({ offset, end }) => offset < end);
    if (positions.length === 0) return;
    const read = ask(clients.reader.read(positions, { maxWaitMs, maxBytesPerPartition }));
    const answers = await read.catch(unlessLost);
    if (answers === undefined) {
      positions = await Promise.all(positions.map((at) => stillThere(session, at, clients, ask)));
      continue;
    }
    const ends = new Map(positions.map((at) => [`${at.topic}/${at.partition}`, at.end]));
    const records = answers.flatMap(({ topic, partition, messages }): TailRecord[] => {
      const end = ends.get(`${topic}/${partition}`) ?? 0n;
      return messages
        .filter(({ offset }) => options.follow || BigInt(offset) < end)
        .map((message) => ({ ...message, topic, partition }));
    });
    // Each partition keeps its order; what came together stands in the order of time.
    records.sort((a, b) => Number(a.timestamp) - Number(b.timestamp));
    for (const record of records) {
      const line = tailLine(record);
      if (options.subject !== undefined && line.subject !== options.subject) continue;
      if (options.json === true) session.jsonLine(line.data);
      else session.out.line(...line.segments);
      left -= 1;
      if (left === 0) return;
    }
    positions = answers.map(({ topic, partition, next }) => ({
      topic,
      partition,
      offset: next,
      end: ends.get(`${topic}/${partition}`) ?? 0n,
    }));
  }
}

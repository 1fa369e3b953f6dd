import type { Command } from "commander";
import { kafkaAccess } from "../config.ts";
import { type Ask, type Clients, withKafka } from "../kafka.ts";
import { namedGraph, topicsOf } from "../manifests.ts";
import { fromOption, type Reading, readRecords } from "../read-records.ts";
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
import { tailLine } from "../tail-line.ts";
import type { TailStart } from "../tail-start.ts";

interface TailOptions extends JsonOption, KafkaOptions, ManifestsOption {
  readonly topic?: readonly string[];
  readonly from: TailStart;
  readonly subject?: string;
  readonly limit?: number;
  readonly follow: boolean;
}

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
    .addOption(fromOption("end"))
    .option("--subject <id>", "events of this entity only")
    .option("--limit <n>", "end after so many events", count)
    .option("--no-follow", "end where the topics ended when it began")
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async () => {
      const options = command.opts<TailOptions>();
      const { environment } = session.io;
      const access = kafkaAccess(environment, options);
      const topics = options.topic ?? topicsOf(await namedGraph(environment, options.manifests));
      const { brokers } = access.options;
      await withKafka(access, options.timeout * 1_000, (clients, ask) =>
        tail(session, options, clients, ask, { ...options, topics, brokers }),
      );
    });
}

async function tail(
  session: Session,
  options: TailOptions,
  clients: Clients,
  ask: Ask,
  reading: Reading,
): Promise<void> {
  let left = options.limit ?? Infinity;
  for await (const records of readRecords(session, clients, ask, reading))
    for (const record of records) {
      const line = tailLine(record);
      if (options.subject !== undefined && line.subject !== options.subject) continue;
      if (options.json === true) session.jsonLine(line.data);
      else session.out.line(...line.segments);
      left -= 1;
      if (left === 0) return;
    }
}

import type { Command } from "commander";
import { kafkaAccess } from "../config.ts";
import { EventsCheck } from "../events-check.ts";
import { type Ask, type Clients, withKafka } from "../kafka.ts";
import { namedGraph, topicsOf } from "../manifests.ts";
import { fromOption, readRecords } from "../read-records.ts";
import {
  jsonOption,
  type JsonOption,
  kafkaOptions,
  type KafkaOptions,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";
import type { TailStart } from "../tail-start.ts";

interface CheckOptions extends JsonOption, KafkaOptions, ManifestsOption {
  readonly topic?: readonly string[];
  readonly from: TailStart;
  readonly follow?: boolean;
}

const progressMs = 5_000;

/** `freshet events check`: whether what is really published keeps to the manifests. */
export function addEventsCheck(events: Command, session: Session): void {
  const command = session.command(
    events,
    "check",
    "Which real events keep to the manifests, which do not, and why; it joins no consumer group",
    [
      ["events check --topic teams.events.v1", "all that is there; exit code 1 when one does not conform"],
      ["events check --from 1h --json", "every topic of the manifests, for machines"],
      ["events check --topic teams.events.v1 --from end --follow", "as they come, until Ctrl-C"],
    ],
  );
  kafkaOptions(command)
    .option("--topic <name...>", "topics to read (default: those of the manifests)")
    .addOption(fromOption("beginning"))
    .option("--follow", "go on as events come, until Ctrl-C; those that do not conform are shown at once")
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async () => {
      const options = command.opts<CheckOptions>();
      const { environment } = session.io;
      const graph = await namedGraph(environment, options.manifests);
      const topics = options.topic ?? topicsOf(graph);
      const access = kafkaAccess(environment, options);
      await withKafka(access, options.timeout * 1_000, async (clients, ask) => {
        const records = readRecords(session, clients, ask, {
          topics,
          brokers: access.options.brokers,
          from: options.from,
          follow: options.follow === true,
        });
        let check: EventsCheck | undefined;
        let toldMs = Date.now();
        for await (const batch of records) {
          check ??= new EventsCheck(graph, await partitionsOf(clients, ask, topics));
          for (const record of batch) {
            const found = check.see(record);
            if (found === undefined || options.follow !== true) continue;
            if (options.json === true) session.jsonLine(found);
            else
              for (const { code, says } of found.violations)
                session.out.line(
                  `${found.at} ${found.subject ?? ""}: `,
                  { text: code, style: "red" },
                  `: ${says}`,
                );
          }
          if (options.follow !== true && Date.now() - toldMs > progressMs) {
            toldMs = Date.now();
            session.note(check.progress);
          }
        }
        check ??= new EventsCheck(graph, new Map());
        const report = check.report(topics);
        if (options.follow === true && options.json === true) {
          session.jsonLine(report.data);
          if (report.problem) session.exitCode = 1;
        } else session.report(report, options.json);
      });
    });
}

async function partitionsOf(
  { admin }: Clients,
  ask: Ask,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const bounds = await ask(Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic))));
  return new Map(topics.map((topic, index) => [topic, bounds[index]?.length ?? 0]));
}

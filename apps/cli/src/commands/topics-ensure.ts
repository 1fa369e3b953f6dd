import { ensureTopics } from "@freshet/kafka";
import type { Command } from "commander";
import { kafkaAccess } from "../config.ts";
import { withKafka } from "../kafka.ts";
import { namedGraph } from "../manifests.ts";
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
import { topicSpecs, topicsReport, type TopicWishes } from "../topics-report.ts";

interface EnsureOptions extends JsonOption, KafkaOptions, ManifestsOption, TopicWishes {
  readonly dryRun?: boolean;
}

/** `freshet topics ensure`: creates what the manifests' events need and is missing. */
export function addTopicsEnsure(topics: Command, session: Session): void {
  const command = session.command(
    topics,
    "ensure",
    "Create the missing topics of the manifests' events, each with its .dlt; name those that differ",
    [
      ["topics ensure --dry-run", "say what is missing or differs (exit code 1), create nothing"],
      ["topics ensure", "create what is missing"],
      ["topics ensure --partitions 24 --replication-factor 3", "not the defaults"],
    ],
  );
  kafkaOptions(command, 60) // a busy broker takes its time to elect leaders
    .option("--dry-run", "create nothing")
    .option("--partitions <n>", "partitions of a topic (default: 12)", count)
    .option("--replication-factor <n>", "copies of a partition (default: the broker's)", count)
    .option("--retention-days <n>", "default: 7, or a day more than the longest hard TTL", count)
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async () => {
      const options = command.opts<EnsureOptions>();
      const access = kafkaAccess(session.io.environment, options);
      const specs = topicSpecs(await namedGraph(session.io.environment, options.manifests), options);
      const dryRun = options.dryRun === true;
      const results = await withKafka(access, options.timeout * 1_000, ({ admin }, ask) =>
        ask(ensureTopics(admin, specs, { dryRun })),
      );
      session.report(topicsReport(results, dryRun), options.json);
    });
}

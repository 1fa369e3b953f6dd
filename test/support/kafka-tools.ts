import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kafkaJarsDir } from "../../scripts/local/kafka-jars.mjs";
import { runCommand } from "../../scripts/local/run-command.mjs";

/** The newest that can be had, with what they call of their own version: of the broker's 4.4.0 much has moved. */
const version = "4.3.1";
const artifacts = ["kafka-tools", "kafka_2.13", "kafka-clients", "kafka-server-common"];
const target = join(kafkaJarsDir(), "..", `kafka-command-line-${version}`);
/** The command line tools by the names that Kafka's distribution gives them. */
const mains = {
  "kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
  "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
  "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
  "kafka-configs.sh": "kafka.admin.ConfigCommand",
};

/** Fetches the jars of Kafka's command line tools once, through Maven; answers what is missing where it can't. */
export function missingKafkaTools(): string | undefined {
  if (existsSync(target)) return undefined;
  const draft = `${target}.installing-${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const fetched = artifacts.every((artifact) => {
    const goal = [
      "dependency:copy",
      `-Dartifact=org.apache.kafka:${artifact}:${version}`,
      `-DoutputDirectory=${draft}`,
    ];
    return spawnSync("mvn", ["-B", "-q", ...goal], { stdio: "ignore", timeout: 60_000 }).status === 0;
  });
  try {
    if (fetched) renameSync(draft, target);
  } catch {
    // Another run placed it first.
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return existsSync(target)
    ? undefined
    : `Maven could not fetch ${artifacts.join(", ")} ${version} of org.apache.kafka`;
}

function command(tool: keyof typeof mains): string[] {
  const classPath = [target, kafkaJarsDir()].map((dir) => join(dir, "*")).join(":");
  return ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classPath, mains[tool]];
}

/** A folder for the PATH of scripts that call Kafka's tools as its distribution names them. */
export function kafkaToolsOnPath(dir: string): string {
  mkdirSync(dir, { recursive: true });
  for (const tool of ["kafka-acls.sh", "kafka-configs.sh"] as const) {
    const args = command(tool).map((argument) => `'${argument}'`);
    writeFileSync(join(dir, tool), `#!/bin/sh\nexec java ${args.join(" ")} "$@"\n`);
    chmodSync(join(dir, tool), 0o755);
  }
  return dir;
}

/** Arguments of java for a producer of Kafka's own that sends each line of its standard input as a message. */
export function consoleProducerArgs(brokers: readonly string[], topic: string, codec: string): string[] {
  const to = ["--bootstrap-server", brokers.join(","), "--topic", topic];
  // Much at once, so that there are batches to compress.
  const batches = ["--batch-size", "1000000", "--command-property", "linger.ms=500"];
  return [...command("kafka-console-producer.sh"), ...to, "--compression-codec", codec, ...batches];
}

/** What kafka-consumer-groups says of one partition of a group. */
export interface ToolPartition {
  readonly topic: string;
  readonly partition: number;
  readonly committed: string;
  readonly end: string;
  readonly lag: string;
}

/** Runs Kafka's own kafka-consumer-groups, as an operator does; answers what it prints. */
export async function runKafkaConsumerGroups(
  brokers: readonly string[],
  ...args: readonly string[]
): Promise<string> {
  let output = "";
  await runCommand(
    "java",
    [...command("kafka-consumer-groups.sh"), "--bootstrap-server", brokers.join(","), ...args],
    {
      env: { PATH: process.env.PATH },
      onOutput: (text) => {
        output += text;
      },
    },
  );
  return output;
}

/** Asks kafka-consumer-groups how a group stands. */
export async function kafkaConsumerGroups(
  brokers: readonly string[],
  groupId: string,
): Promise<ToolPartition[]> {
  const output = await runKafkaConsumerGroups(brokers, "--describe", "--group", groupId, "--offsets");
  return output.split("\n").flatMap((line) => {
    const [group, topic = "", partition = "", committed = "", end = "", lag = ""] = line.trim().split(/\s+/);
    return group === groupId ? [{ topic, partition: Number(partition), committed, end, lag }] : [];
  });
}

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { kafkaJarsDir } from "../../scripts/local/kafka-jars.mjs";
import { runCommand } from "../../scripts/local/run-command.mjs";

/** The newest that can be had; it runs on the broker's own jars of 4.4.0. */
const artifact = "org.apache.kafka:kafka-tools:4.3.1";
const target = join(kafkaJarsDir(), "..", "kafka-tools-4.3.1");
const main = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/** Fetches the jar of Kafka's command line tools once, through Maven; answers what is missing where it can't. */
export function missingKafkaTools(): string | undefined {
  if (existsSync(target)) return undefined;
  const draft = `${target}.installing-${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const goal = ["dependency:copy", `-Dartifact=${artifact}`, `-DoutputDirectory=${draft}`];
  const { status } = spawnSync("mvn", ["-B", "-q", ...goal], { stdio: "ignore", timeout: 60_000 });
  try {
    if (status === 0) renameSync(draft, target);
  } catch {
    // Another run placed it first.
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return existsSync(target) ? undefined : `Maven could not fetch ${artifact}`;
}

/** What kafka-consumer-groups says of one partition of a group. */
export interface ToolPartition {
  readonly topic: string;
  readonly partition: number;
  readonly committed: string;
  readonly end: string;
  readonly lag: string;
}

/** Asks Kafka's own kafka-consumer-groups how a group stands. */
export async function kafkaConsumerGroups(
  brokers: readonly string[],
  groupId: string,
): Promise<ToolPartition[]> {
  const classPath = [target, kafkaJarsDir()].map((dir) => join(dir, "*")).join(":");
  const args = ["--bootstrap-server", brokers.join(","), "--describe", "--group", groupId, "--offsets"];
  let output = "";
  await runCommand("java", ["-XX:TieredStopAtLevel=1", "-cp", classPath, main, ...args], {
    env: { PATH: process.env.PATH },
    onOutput: (text) => {
      output += text;
    },
  });
  return output.split("\n").flatMap((line) => {
    const [group, topic = "", partition = "", committed = "", end = "", lag = ""] = line.trim().split(/\s+/);
    return group === groupId ? [{ topic, partition: Number(partition), committed, end, lag }] : [];
  });
}

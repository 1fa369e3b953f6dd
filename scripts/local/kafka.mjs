import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { initialiseOnce } from "./initialise-once.mjs";
import { kafkaAdmin } from "./kafka-admin.mjs";
import { useKafkaArchive } from "./kafka-archive.mjs";
import { kafkaJarsDir } from "./kafka-jars.mjs";
import { freePort, LOOPBACK } from "./ports.mjs";
import { runCommand } from "./run-command.mjs";
import { ServerProcess } from "./server-process.mjs";

/**
 * A Kafka broker on 127.0.0.1 (KRaft, one node, its jars installed before), not started yet; formats its
 * storage when the folder has none. Settings are those of production where one node can have them: topics
 * are never made by accident.
 * @param {{ port: number, dataDir: string, logDir: string,
 *   settings?: Record<string, string>,
 *   jvmOptions?: string[],
 *   signal?: AbortSignal | undefined }} options
 */
export async function kafkaBroker({ port, dataDir, logDir, settings = {}, jvmOptions, signal }) {
  const properties = join(dataDir, "server.properties");
  const logs = join(dataDir, "logs");
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(properties, await serverProperties(port, logs, settings));
  await initialiseOnce(logs, () => format(properties, signal));
  return new ServerProcess({
    name: "Kafka",
    port,
    command: "java",
    args: [...(jvmOptions ?? useKafkaArchive()), ...java("-Xmx512m", "kafka.Kafka", properties)],
    logFile: join(logDir, "kafka.log"),
    stopSignal: "SIGTERM",
    answers: () => coordinatorAnswers(`${LOOPBACK}:${port}`),
  });
}

/**
 * @param {number} port
 * @param {string} logs
 * @param {Record<string, string>} settings
 */
async function serverProperties(port, logs, settings) {
  const controller = `${LOOPBACK}:${await freePort()}`;
  const properties = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@${controller}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://${LOOPBACK}:${port},CONTROLLER://${controller}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": logs,
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    // A broker that was killed is let in again only when its old session has run out (9 s by default).
    "broker.session.timeout.ms": "6000",
    "broker.heartbeat.interval.ms": "1000",
    ...settings,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/**
 * @param {string} properties
 * @param {AbortSignal} [signal]
 */
async function format(properties, signal) {
  const clusterId = randomBytes(16).toString("base64url").replace(/^-/, "x");
  await runCommand(
    "java",
    [
      ...useKafkaArchive(),
      ...java("-Xmx128m", "kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties),
    ],
    { signal },
  );
}

/**
 * @param {string} heap
 * @param {string[]} main
 */
function java(heap, ...main) {
  const log4j = fileURLToPath(new URL("log4j2.properties", import.meta.url));
  // The first-tier compiler and the serial collector: a start within 3 s on two busy cores.
  const jvm = [heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", `-Dlog4j2.configurationFile=${log4j}`];
  return [...jvm, "-cp", join(kafkaJarsDir(), "*"), ...main];
}

/**
 * A broker whose port is open still refuses groups for a moment ("coordinator is loading"): it answers when
 * it answers for one.
 * @param {string} broker
 */
async function coordinatorAnswers(broker) {
  await kafkaAdmin([broker], async (admin) => {
    // kafkajs looks for a coordinator only among brokers that it has heard of.
    await admin.describeCluster();
    await admin.describeGroups(["freshet.local"]);
  });
}

import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kafkaJarsDir } from "./kafka-jars.mjs";
import { freePort } from "./ports.mjs";

/** Beside the jars that it is made of. */
const archive = () => `${kafkaJarsDir()}.jsa`;

/** Whether the archive was made, or its making has failed: a broker runs without it, too. */
export function hasKafkaArchive() {
  return existsSync(archive());
}

/**
 * The JVM's options for the archive of Kafka's classes, by which a broker starts in half the time. A JVM
 * that can't use it goes on without.
 * @returns {string[]}
 */
export function useKafkaArchive() {
  const isMade = existsSync(archive()) && statSync(archive()).size > 0;
  return isMade ? [`-XX:SharedArchiveFile=${archive()}`, "-Xshare:auto", "-Xlog:cds=off"] : [];
}

/**
 * Starts a broker once, whose JVM writes the classes that it has loaded when it ends.
 * @param {AbortSignal} [signal]
 */
export async function makeKafkaArchive(signal) {
  // Needs packages of npm, which are installed when this runs and not when this file is loaded.
  const { kafkaBroker } = await import("./kafka.mjs");
  const dir = mkdtempSync(join(tmpdir(), "freshet-kafka-archive-"));
  const draft = `${archive()}.making-${process.pid}`;
  try {
    const broker = await kafkaBroker({
      port: await freePort(),
      dataDir: join(dir, "kafka"),
      logDir: dir,
      jvmOptions: [`-XX:ArchiveClassesAtExit=${draft}`],
      signal,
    });
    await broker.start(signal);
    await broker.stop();
    // Some JVMs have no such archives: an empty one says that it was tried.
    if (!existsSync(draft)) writeFileSync(draft, "");
    renameSync(draft, archive());
  } finally {
    rmSync(draft, { force: true });
    rmSync(dir, { recursive: true, force: true });
  }
}

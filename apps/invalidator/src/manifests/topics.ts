import { FreshetError } from "@freshet/contracts";
import type { Kafka } from "kafkajs";
import type { LoadedManifests } from "./load.ts";

/**
 * A consumer that subscribes to a topic which does not exist reads none of the others either: such a set is not
 * taken until the topic is there. `read`: topics that are subscribed to already.
 * @throws FreshetError MANIFEST_INVALID naming the topics; what kafkajs throws when the broker is away
 */
export async function refuseMissingTopics(
  kafka: Kafka,
  { graph }: LoadedManifests,
  read: ReadonlySet<string>,
): Promise<void> {
  const wanted = new Set(graph.pools.flatMap((name) => graph.pool(name).topics));
  const added = [...wanted].filter((topic) => !read.has(topic));
  if (added.length === 0) return;
  const existing = await topicsOf(kafka);
  const missing = added.filter((topic) => !existing.has(topic));
  if (missing.length > 0)
    throw new FreshetError(
      "MANIFEST_INVALID",
      `Kafka has no topic ${missing.join(", ")}: create it, then this set is taken by itself`,
    );
}

async function topicsOf(kafka: Kafka): Promise<ReadonlySet<string>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return new Set(await admin.listTopics());
  } finally {
    await admin.disconnect();
  }
}

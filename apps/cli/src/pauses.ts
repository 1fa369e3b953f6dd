import { controlTopic, decodeControl } from "@freshet/inspect";
import type { Ask, Clients } from "./kafka.ts";

const fetch = { maxWaitMs: 500, maxBytesPerPartition: 256 * 1_024 };

/** Since when each paused pool of a deployment is paused, in ms since 1970: what its replicas were told last. */
export async function pausesOf(
  deployment: string,
  topics: readonly string[],
  { admin, reader }: Pick<Clients, "admin" | "reader">,
  ask: Ask,
): Promise<ReadonlyMap<string, number>> {
  const pauses = new Map<string, number>();
  const topic = controlTopic(deployment);
  if (!topics.includes(topic)) return pauses;
  const [bounds] = await ask(admin.fetchTopicOffsets(topic));
  const end = BigInt(bounds?.high ?? 0);
  let offset = BigInt(bounds?.low ?? 0);
  while (offset < end) {
    const [found] = await ask(reader.read([{ topic, partition: 0, offset }], fetch));
    if (found === undefined || found.next === offset) break;
    for (const record of found.messages.map(decodeControl)) {
      if (record?.kind !== "pause") continue;
      if (record.sinceMs === undefined) pauses.delete(record.pool);
      else pauses.set(record.pool, record.sinceMs);
    }
    offset = found.next;
  }
  return pauses;
}

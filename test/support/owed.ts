// I4 as foreign tools see it: what is old has its event still before it.
import { query } from "../../scripts/local/postgres.mjs";
import { checkCache, groupPartitions } from "./checker.ts";
import { readTopic } from "./event-log.ts";
import { type System } from "./system.ts";
import { waitFor } from "./wait-for.ts";

/**
 * The keys of single profiles whose old value nobody is going to delete: its event neither waits in the outbox nor lies
 * at or after the committed offset. Nobody may write meanwhile; the bus may work or be dead.
 */
export async function forgottenKeys(system: System): Promise<readonly string[]> {
  let forgotten: readonly string[] = [];
  const look = async () => {
    // In this order: what is old at the end was still to come at the beginning.
    const pending = new Set([...(await inOutbox(system)), ...(await uncommitted(system))]);
    const { violations } = await checkCache(system);
    forgotten = violations.flatMap(({ key }) => {
      const [, id] = /^user_profile:(.+)$/.exec(key) ?? [];
      return id !== undefined && !pending.has(id) ? [key] : [];
    });
    return forgotten.length === 0;
  };
  // A transaction whose client was killed may commit a moment later: what is forgotten stays so.
  await waitFor(look, { timeoutMs: 5_000, describe: "every old value to be owed" }).catch(() => undefined);
  return forgotten;
}

async function inOutbox({ databaseUrl }: System): Promise<string[]> {
  const { rows } = await query(databaseUrl, "SELECT aggregateid AS id FROM outbox_events");
  return (rows as { id: string }[]).map(({ id }) => id);
}

async function uncommitted(system: System): Promise<string[]> {
  const partitions = await groupPartitions(system, "profiles");
  const committed = new Map(partitions.map((each) => [each.partition, each.committed]));
  const records = await readTopic(system.brokers, system.topic);
  return records.flatMap(({ partition, offset, key }) =>
    key !== null && Number(offset) >= (committed.get(partition) ?? 0) ? [key] : [],
  );
}

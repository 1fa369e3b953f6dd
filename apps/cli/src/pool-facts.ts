import { FreshetError } from "@freshet/contracts";
import { consumerGroupId, describeGroups, groupLag, type LagHistory, oldestWaitingMs } from "@freshet/kafka";
import type { KafkaAccess } from "./config.ts";
import type { Ask, Clients } from "./kafka.ts";
import type { PoolFacts } from "./lag-report.ts";
import { pausesOf } from "./pauses.ts";

const auditorGroup = "auditor";

/**
 * What the broker says of the pools that the manifests name, and of those that have a group.
 * @throws FreshetError POOL_UNKNOWN when there are none
 */
export async function readPools(
  { admin, reader }: Clients,
  ask: Ask,
  { deployment, options: { brokers } }: KafkaAccess,
  declared: ReadonlyMap<string, readonly string[]>,
  options: { readonly pool?: string | undefined; readonly timeout: number },
  history: LagHistory,
): Promise<PoolFacts[]> {
  const prefix = consumerGroupId(deployment, "");
  const [{ groups }, existing] = await ask(Promise.all([admin.listGroups(), admin.listTopics()]));
  const grouped = groups.flatMap(({ groupId }) =>
    groupId.startsWith(prefix) ? [groupId.slice(prefix.length)] : [],
  );
  // The auditor's group commits by the clock: it is no pool, and its lag means nothing to readers.
  const known = [...new Set([...declared.keys(), ...grouped.filter((name) => name !== auditorGroup)])].sort();
  const names = options.pool === undefined ? known : known.filter((name) => name === options.pool);
  if (names.length === 0)
    throw new FreshetError(
      "POOL_UNKNOWN",
      options.pool === undefined
        ? `neither a manifest nor a consumer group ${prefix}* of ${brokers.join(",")} names a pool: see DEPLOYMENT and --manifests`
        : `there is no pool ${options.pool}; there are ${known.join(", ") || "none"}`,
    );
  const descriptions = await ask(
    describeGroups(
      admin,
      names.map((name) => consumerGroupId(deployment, name)),
    ),
  );
  const pauses = await pausesOf(deployment, existing, { admin, reader }, ask);
  const facts: PoolFacts[] = [];
  for (const [index, pool] of names.entries()) {
    const group = descriptions[index];
    if (group === undefined) continue;
    const committed = await ask(admin.fetchOffsets({ groupId: group.groupId }));
    const topics = [
      ...new Set([...(declared.get(pool) ?? []), ...committed.map(({ topic }) => topic)]),
    ].sort();
    if (topics.length === 0) continue; // no view lives there
    const there = topics.filter((topic) => existing.includes(topic));
    const lags = await ask(groupLag(admin, group.groupId, there));
    const oldest = await ask(oldestWaitingMs(reader, lags, options.timeout * 500));
    const verdicts = history.add(group, lags);
    facts.push({
      pool,
      group,
      partitions: lags
        .map((lag, at) => ({ ...lag, oldestMs: oldest[at], verdict: verdicts[at] }))
        .sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition),
      missingTopics: topics.filter((topic) => !existing.includes(topic)),
      pausedSinceMs: pauses.get(pool),
    });
  }
  return facts;
}

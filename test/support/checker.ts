// Says whether what must always hold holds (I1, I4, I8 of the design), from what foreign tools see: memcached's text
// protocol, SQL, the broker's offsets. It shares no code with libs/, because it would share its mistakes.
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { inspectNode } from "./memcached-inspector.ts";
import type { System } from "./system.ts";

/** The parts of a System that tell where to look; the composed stack has them too. */
export type Checked = Pick<System, "brokers" | "databaseUrl" | "groups" | "topic"> & {
  readonly nodeAddresses: readonly string[];
  readonly teamsNode: Pick<System["teamsNode"], "address">;
};
type PoolName = keyof System["groups"];

/** A cached value that a reader must not be given any more. */
interface Violation {
  readonly key: string;
  readonly node: string;
  readonly cached: string;
  readonly committed: string;
}

/** What stands on the nodes: how many values (leases are none) and which of them are wrong. */
export interface CacheVerdict {
  readonly values: number;
  readonly violations: readonly Violation[];
}

/** What one node holds under one key; undefined: what the text protocol can't ask for. */
export interface CachedKey {
  readonly node: string;
  readonly key: string;
  readonly text: string | undefined;
}

/** One partition of a pool's group as its broker knows it; `missed` is node → oldest offset that it has missed. */
export interface GroupPartition {
  readonly pool: PoolName;
  readonly partition: number;
  readonly high: number;
  /** -1 while nothing is committed. */
  readonly committed: number;
  readonly missed: Readonly<Record<string, string>> | "*";
  /** As it was committed. */
  readonly metadata: string | null;
}

/** What a key has to hold: the version of each entity that the value is built from, and the data. */
export interface Current {
  /** undefined: the primary has no row for the key, and whatever version is said does not matter. */
  readonly versions: Readonly<Record<string, number>> | undefined;
  /** A commit that changes nothing of the data leaves the value alone: it may name an earlier version. */
  readonly isPartial?: boolean;
  readonly data: unknown;
}

export interface Row {
  readonly id: string;
  readonly version: number;
  /** As the API shows it; null: deleted. */
  readonly profile: Readonly<Record<string, unknown>> | null;
}

/**
 * I1: compares every cached value on every node with the last commit. It holds only once all is quiet, see
 * `untilQuiet`; nothing may be written meanwhile.
 */
export async function checkCache({ nodeAddresses, teamsNode, databaseUrl }: Checked): Promise<CacheVerdict> {
  const cached = await cachedKeys([...nodeAddresses, teamsNode.address]);
  const rows = await readRows(databaseUrl);
  const violations = cached.flatMap(({ node, key, text = "unreadable" }): Violation[] => {
    const current = currentOf(key, rows);
    return isCurrent(text, current) ? [] : [{ key, node, cached: text, committed: JSON.stringify(current) }];
  });
  return { values: cached.length, violations };
}

/** Every key on these nodes but leases. */
export async function cachedKeys(nodes: readonly string[]): Promise<CachedKey[]> {
  const contents = await Promise.all(
    nodes.map(async (node) => [...(await inspectNode(node))].map(([key, text]) => ({ node, key, text }))),
  );
  return contents.flat().filter(({ text }) => !isLease(text));
}

/**
 * Resolves once all is quiet: every change published, every event invalidated in every pool, no node owed anything
 * (I7).
 */
export async function untilQuiet(
  checked: Checked,
  { timeoutMs = 50_000 } = {},
): Promise<readonly GroupPartition[]> {
  const probe = async () => {
    // In this order, the way that events take: what has left the outbox counts in the topic's ends.
    const outbox = await query(checked.databaseUrl, "SELECT FROM outbox_events LIMIT 1");
    const partitions = await groupPartitions(checked, "profiles", "teams");
    // Kafka forgets the commits of a topic that is made again, maybe after ours: none is needed where nothing ever was.
    const behind = partitions.filter(
      ({ high, committed, missed }) =>
        Math.max(committed, 0) < high || missed === "*" || Object.keys(missed).length > 0,
    );
    if (outbox.rowCount === 0 && behind.length === 0) return partitions;
    throw new Error(`in the outbox: ${String(outbox.rowCount)} or more; behind: ${JSON.stringify(behind)}`);
  };
  // Each look opens connections of its own: many a second would take the CPU from what is waited for.
  return waitUntil("all to be quiet", probe, { timeoutMs, intervalMs: 300 });
}

/** Where the groups of these pools stand, and what their commit metadata says that nodes have missed (I4). */
export async function groupPartitions(
  { brokers, groups, topic }: Checked,
  ...pools: readonly PoolName[]
): Promise<GroupPartition[]> {
  return kafkaAdmin([...brokers], async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = pools.map(async (pool) => {
      const [offsets] = await admin.fetchOffsets({ groupId: groups[pool], topics: [topic] });
      const commits = new Map(offsets?.partitions.map((commit) => [commit.partition, commit]));
      return ends.map(({ partition, high }) => {
        const { offset = "-1", metadata = null } = commits.get(partition) ?? {};
        const missed = missedIn(metadata);
        return { pool, partition, high: Number(high), committed: Number(offset), missed, metadata };
      });
    });
    return (await Promise.all(partitions)).flat();
  });
}

/**
 * I8: events that the replicas at these URLs have counted for a pool, whatever became of them. A replay is counted
 * again, so it equals the topic's messages only where nothing was read twice.
 */
export async function countedEvents(urls: readonly string[], pool: PoolName): Promise<number> {
  const samples = new RegExp(`^freshet_events_total\\{pool="${pool}",.*\\} (\\d+)$`, "gm");
  const counts = urls.map(async (url) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return [...text.matchAll(samples)].map(([, count]) => Number(count));
  });
  return (await Promise.all(counts)).flat().reduce((sum, count) => sum + count, 0);
}

function isLease(text: string | undefined): boolean {
  return text !== undefined && /^\{"l":"[0-9a-f]{16}"\}$/.test(text);
}

/** Whether a stored text is the value that the last commit gives. */
export function isCurrent(text: string, { versions, data, isPartial = false }: Current): boolean {
  const { vs, d } = parse(text);
  if (canonical(d) !== canonical(data)) return false;
  if (versions === undefined) return true;
  if (!isPartial) return canonical(vs) === canonical(versions);
  const isNoLater = ([entity, version]: [string, number]) => Number(vs[entity]) <= version;
  return Object.keys(vs).length === Object.keys(versions).length && Object.entries(versions).every(isNoLater);
}

export function currentOf(key: string, rows: readonly Row[]): Current {
  const team = /^team_directory:(.+)$/.exec(key)?.[1];
  if (team !== undefined) return directoryOf(team, rows);
  const row = rowOf(key, rows);
  if (row === undefined) return { versions: undefined, data: null };
  return { versions: { [`profile:${row.id}`]: row.version }, data: row.profile };
}

/** The row that decides about a key of one profile. A handle nobody has now has none, whoever had it. */
function rowOf(key: string, rows: readonly Row[]): Row | undefined {
  const [, byHandle, param] = /^user_profile(_by_handle)?:(.+)$/.exec(key) ?? [];
  if (byHandle === undefined) return rows.find(({ id }) => id === param);
  return rows.find(({ profile }) => profile?.["handle"] === param);
}

/** The first 500 members by name, then id. A team that no profile names has no rows: its directory is absent. */
function directoryOf(teamId: string, rows: readonly Row[]): Current {
  const all = rows.flatMap(({ id, version, profile }) => {
    const teams = profile?.["teamIds"];
    if (!Array.isArray(teams) || !teams.includes(teamId)) return [];
    return [
      { id, version, displayName: String(profile?.["displayName"]), avatarUrl: profile?.["avatarUrl"] },
    ];
  });
  all.sort((one, other) => byBytes(one.displayName, other.displayName) || byBytes(one.id, other.id));
  const shown = all.slice(0, 500);
  return {
    versions: Object.fromEntries(shown.map(({ id, version }) => [`profile:${id}`, version])),
    isPartial: true,
    data:
      shown.length === 0
        ? null
        : {
            teamId,
            members: shown.map(({ id, displayName, avatarUrl }) => ({ id, displayName, avatarUrl })),
            isComplete: shown.length === all.length,
          },
  };
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

export async function readRows(databaseUrl: string): Promise<Row[]> {
  const { rows } = await query(databaseUrl, "SELECT * FROM profiles");
  return rows.map((row: Record<string, unknown>): Row => {
    const [id, version] = [String(row["id"]), Number(row["version"])];
    if (row["handle"] === null) return { id, version, profile: null };
    const profile = {
      id,
      handle: row["handle"],
      displayName: row["display_name"],
      avatarUrl: row["avatar_url"],
      bio: row["bio"],
      teamIds: row["team_ids"],
      version,
      updatedAt: row["updated_at"] instanceof Date ? row["updated_at"].toISOString() : row["updated_at"],
    };
    return { id, version, profile };
  });
}

/** JSON with the names of every object in order. */
function canonical(data: unknown): string {
  return JSON.stringify(data, (_name, value: unknown) =>
    isRecord(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
}

function parse(text: string): { vs: Readonly<Record<string, unknown>>; d: unknown } {
  const stored = json(text);
  const vs = isRecord(stored) ? stored["vs"] : undefined;
  // Anything else under a key of ours is as wrong as an old value: no version makes it right.
  return isRecord(stored) && isRecord(vs) ? { vs, d: stored["d"] } : { vs: {}, d: undefined };
}

function missedIn(metadata: string | null): GroupPartition["missed"] {
  const commit = json(metadata ?? "");
  const missed = isRecord(commit) ? commit["miss"] : undefined;
  if (!isRecord(missed)) return missed === undefined ? {} : "*";
  return Object.fromEntries(Object.entries(missed).map(([node, offset]) => [node, String(offset)]));
}

/** undefined where it is no JSON. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

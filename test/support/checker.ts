// Says whether what must always hold holds (I1, I4, I8 of the design), from what foreign tools see: memcached's text
// protocol, SQL, the broker's offsets. It shares no code with libs/, because it would share its mistakes.
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { inspectNode } from "./memcached-inspector.ts";
import { type System } from "./system.ts";

type Checked = Pick<System, "brokers" | "databaseUrl" | "group" | "nodeAddresses" | "topic">;

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

/** One partition of the group as its broker knows it; `missed` is node → oldest offset that it has missed. */
export interface GroupPartition {
  readonly partition: number;
  readonly high: number;
  /** -1 while nothing is committed. */
  readonly committed: number;
  readonly missed: Readonly<Record<string, string>> | "*";
}

interface Row {
  readonly id: string;
  readonly version: number;
  /** As the API shows it; null: deleted. */
  readonly profile: Readonly<Record<string, unknown>> | null;
}

/**
 * I1: compares every cached value on every node with the last commit. It holds only once all is quiet, see
 * `untilQuiet`; nothing may be written meanwhile.
 */
export async function checkCache({ nodeAddresses, databaseUrl }: Checked): Promise<CacheVerdict> {
  const contents = await Promise.all(
    nodeAddresses.map(async (node) =>
      [...(await inspectNode(node))].map(([key, text]) => ({ node, key, text })),
    ),
  );
  const cached = contents.flat().filter(({ text }) => !isLease(text));
  const rows = await readRows(databaseUrl);
  const violations = cached.flatMap(({ node, key, text = "unreadable" }): Violation[] => {
    const row = rowOf(key, rows);
    return isCurrent(text, row) ? [] : [{ key, node, cached: text, committed: JSON.stringify(row ?? null) }];
  });
  return { values: cached.length, violations };
}

/** Resolves once all is quiet: every change published, every event invalidated, no node owed anything (I7). */
export async function untilQuiet(checked: Checked): Promise<readonly GroupPartition[]> {
  const probe = async () => {
    // In this order, the way that events take: what has left the outbox counts in the topic's ends.
    const outbox = await query(checked.databaseUrl, "SELECT FROM outbox_events LIMIT 1");
    const partitions = await groupPartitions(checked);
    const behind = partitions.filter(
      ({ high, committed, missed }) => committed < high || missed === "*" || Object.keys(missed).length > 0,
    );
    if (outbox.rowCount === 0 && behind.length === 0) return partitions;
    throw new Error(`in the outbox: ${String(outbox.rowCount)} or more; behind: ${JSON.stringify(behind)}`);
  };
  // Each look opens connections of its own: many a second would take the CPU from what is waited for.
  return waitUntil("all to be quiet", probe, { timeoutMs: 50_000, intervalMs: 200 });
}

/** Where the group stands, and what its commit metadata says that nodes have missed (I4). */
export async function groupPartitions({ brokers, group, topic }: Checked): Promise<GroupPartition[]> {
  return kafkaAdmin([...brokers], async (admin) => {
    const [ends, offsets] = [
      await admin.fetchTopicOffsets(topic),
      await admin.fetchOffsets({ groupId: group, topics: [topic] }),
    ];
    const commits = new Map(offsets[0]?.partitions.map((commit) => [commit.partition, commit]));
    return ends.map(({ partition, high }) => {
      const { offset = "-1", metadata = null } = commits.get(partition) ?? {};
      return { partition, high: Number(high), committed: Number(offset), missed: missedIn(metadata) };
    });
  });
}

/**
 * I8: events that the replicas at these URLs have counted, whatever became of them. A replay is counted again, so it
 * equals the topic's messages only where nothing was read twice.
 */
export async function countedEvents(urls: readonly string[]): Promise<number> {
  const counts = urls.map(async (url) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return [...text.matchAll(/^freshet_events_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  });
  return (await Promise.all(counts)).flat().reduce((sum, count) => sum + count, 0);
}

function isLease(text: string | undefined): boolean {
  return text !== undefined && /^\{"l":"[0-9a-f]{16}"\}$/.test(text);
}

/** Whether a stored text is the value of this row; undefined: the primary has no row for the key. */
function isCurrent(text: string, row: Row | undefined): boolean {
  const { vs, d } = parse(text);
  if (row === undefined) return d === null;
  return vs[`profile:${row.id}`] === row.version && sameData(d, row.profile);
}

/** The row that decides about a key. A handle nobody has now has none, whoever had it. */
function rowOf(key: string, rows: readonly Row[]): Row | undefined {
  const [, byHandle, param] = /^user_profile(_by_handle)?:(.+)$/.exec(key) ?? [];
  if (byHandle === undefined) return rows.find(({ id }) => id === param);
  return rows.find(({ profile }) => profile?.["handle"] === param);
}

async function readRows(databaseUrl: string): Promise<Row[]> {
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

function sameData(cached: unknown, committed: Row["profile"]): boolean {
  if (cached === null || committed === null) return cached === committed;
  return isRecord(cached) && canonical(cached) === canonical(committed);
}

function canonical(data: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(data).sort(([one], [other]) => (one < other ? -1 : 1)));
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

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

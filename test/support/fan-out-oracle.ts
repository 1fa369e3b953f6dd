// What three services' views must hold and which keys their events touch, written by hand from what the views are for.
// It shares no code with libs/, because it would share its mistakes.
import { query } from "../../scripts/local/postgres.mjs";
import { type Current, currentOf, isCurrent, readRows, type Row } from "./checker.ts";
import { readTopic } from "./event-log.ts";
import { type FanOut, teamsTopic } from "./fan-out.ts";
import { inspectNode } from "./memcached-inspector.ts";

export interface FanOutVerdict {
  /** Values by view; leases and values whose tag is gone are none. */
  readonly checked: Readonly<Record<string, number>>;
  readonly violations: readonly {
    readonly key: string;
    readonly cached: string;
    readonly expected: string;
  }[];
}

type PoolName = "profiles" | "teams" | "search";

/** Compares every value of every view on every node with the databases (I1); only once all is quiet. */
export async function checkFanOut(fanOut: FanOut): Promise<FanOutVerdict> {
  const { system, searchNode, teamDatabaseUrl } = fanOut;
  const rows = await readRows(system.databaseUrl);
  const behind = rowsByKey(rows);
  const answer = await query(teamDatabaseUrl, "SELECT id, name, version::int FROM teams");
  const teams = new Map((answer.rows as Team[]).map((team) => [team.id, team]));
  const checked: Record<string, number> = {};
  const violations: FanOutVerdict["violations"][number][] = [];
  for (const node of [...system.nodeAddresses, system.teamsNode.address, searchNode.address]) {
    const contents = await inspectNode(node);
    for (const [key, text = ""] of contents) {
      const [view = ""] = key.split(":");
      if (/^\{"l":"[0-9a-f]{16}"\}$/.test(text) || view === "t" || !isLive(text, contents)) continue;
      const current = expected(key, key.startsWith("search:") ? rows : (behind.get(key) ?? []), teams);
      checked[view] = (checked[view] ?? 0) + 1;
      if (!isCurrent(text, current))
        violations.push({ key, cached: text.slice(0, 500), expected: JSON.stringify(current).slice(0, 500) });
    }
  }
  return { checked, violations };
}

/** Every key that the events of both topics touch, of this FanOut's own entities, by pool, and how often. */
async function plannedKeys({
  name,
  system,
}: FanOut): Promise<{ events: number; planned: Readonly<Record<PoolName, Map<string, number>>> }> {
  let events = 0;
  const keys = {
    profiles: new Map<string, number>(),
    teams: new Map<string, number>(),
    search: new Map<string, number>(),
  };
  const touch = (pool: PoolName, ...touched: string[]) => {
    for (const key of new Set(touched)) keys[pool].set(key, (keys[pool].get(key) ?? 0) + 1);
  };
  for (const topic of [system.topic, teamsTopic])
    for (const { value } of await readTopic(system.brokers, topic)) {
      const event = eventOf(value);
      if (event?.subject.startsWith(name) !== true) continue;
      events += 1;
      const { subject, data } = event;
      if (event.type === "TeamChanged") {
        touch("teams", `team_page:${subject}`);
        touch("search", `team_card:${subject}`);
      } else if (event.type === "ProfileChanged") {
        const sides = [data.before, data.after].filter((side) => side !== null);
        const changed = (...fields: string[]) =>
          data.change !== "updated" ||
          (data.changedFields ?? []).length === 0 ||
          fields.some((field) => data.changedFields?.includes(field));
        touch(
          "profiles",
          `user_profile:${subject}`,
          ...sides.map(({ handle }) => `user_profile_by_handle:${handle}`),
        );
        const teams = changed("displayName", "avatarUrl", "teamIds")
          ? sides.flatMap(({ teamIds }) => teamIds)
          : [];
        touch("teams", ...teams.flatMap((id) => [`team_directory:${id}`, `team_page:${id}`]));
        touch(
          "search",
          ...teams.map((id) => `team_card:${id}`),
          ...(changed("displayName", "handle") ? ["t:search:profiles"] : []),
        );
      }
    }
  return { events, planned: keys };
}

interface Side {
  readonly handle: string;
  readonly teamIds: readonly string[];
}

interface Event {
  readonly type: string;
  readonly subject: string;
  readonly data: {
    readonly change: string;
    readonly changedFields?: readonly string[];
    readonly before: Side | null;
    readonly after: Side | null;
  };
}

function eventOf(value: Buffer | null): Event | undefined {
  try {
    return JSON.parse(String(value)) as Event;
  } catch {
    return undefined;
  }
}

/** A reader takes a value with tags only while each of them is there and equal; they stand on the same node here. */
function isLive(text: string, contents: ReadonlyMap<string, string | undefined>): boolean {
  const stored = JSON.parse(text) as { t?: Record<string, string> };
  return Object.entries(stored.t ?? {}).every(([tag, token]) => contents.get(tag) === token);
}

interface Team {
  readonly id: string;
  readonly name: string | null;
  readonly version: number;
}

function expected(key: string, rows: readonly Row[], teams: ReadonlyMap<string, Team>): Current {
  const [view = "", param = ""] = key.split(":");
  if (view === "search") return { versions: undefined, data: found(param, rows) };
  if (view !== "team_page" && view !== "team_card") return currentOf(key, rows);
  const { name = null, version = 0 } = teams.get(param) ?? {};
  if (name === null) return { versions: undefined, data: null };
  const directory = currentOf(`team_directory:${param}`, rows).data as { members: unknown[] } | null;
  const members = directory?.members ?? [];
  const page = { teamId: param, version, name, members };
  const card = { teamId: param, name, memberCount: members.length };
  return { versions: undefined, data: view === "team_page" ? page : card };
}

/** The first 20 living profiles by id whose name contains the query. */
function found(asked: string, rows: readonly Row[]): unknown {
  return rows
    .flatMap(({ id, profile }) => (profile === null ? [] : [{ id, ...pick(profile) }]))
    .filter(({ displayName }) => displayName.toLowerCase().includes(asked.toLowerCase()))
    .sort((one, other) => (one.id < other.id ? -1 : 1))
    .slice(0, 20);
}

function pick(profile: Readonly<Record<string, unknown>>): { handle: string; displayName: string } {
  return { handle: String(profile["handle"]), displayName: String(profile["displayName"]) };
}

/** By pool, the keys that the invalidators touched and no event asked for, and those that they should have touched. */
export async function compareKeys(fanOut: FanOut): Promise<KeysVerdict> {
  const { events, planned } = await plannedKeys(fanOut);
  const [one, two, teams, search] = fanOut.logs.map(({ touched }) => touched);
  const touched = { profiles: [one, two], teams: [teams], search: [search] };
  const differences = (["profiles", "teams", "search"] as const).map((pool) => {
    const keys = new Set(touched[pool].flatMap((log) => [...(log?.keys() ?? [])]));
    // Another spec's events are invalidated as well, and have no business with these.
    const isOurs = (key: string) => key.includes(fanOut.name) || key === "t:search:profiles";
    return {
      pool,
      beside: [...keys].filter((key) => isOurs(key) && !planned[pool].has(key)),
      missed: [...planned[pool].keys()].filter((key) => !keys.has(key)),
    };
  });
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);
  return {
    differences: differences.filter(({ beside, missed }) => beside.length + missed.length > 0),
    events,
    keys: sum(Object.values(planned).map(({ size }) => size)),
    plannedOneByOne: sum(Object.values(planned).flatMap((keys) => [...keys.values()])),
    deletesSent: sum(fanOut.logs.map(({ deletes }) => deletes)),
  };
}

export interface KeysVerdict {
  readonly differences: readonly {
    readonly pool: PoolName;
    readonly beside: readonly string[];
    readonly missed: readonly string[];
  }[];
  readonly events: number;
  /** Different keys that the events touch. */
  readonly keys: number;
  /** What would be deleted if no batch were coalesced. */
  readonly plannedOneByOne: number;
  readonly deletesSent: number;
}

/** The rows that decide about each key: looking at all of them for each of ten thousand keys takes minutes. */
function rowsByKey(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const byKey = new Map<string, Row[]>();
  for (const row of rows) {
    const teams = row.profile?.["teamIds"];
    for (const key of [
      `user_profile:${row.id}`,
      ...(row.profile === null ? [] : [`user_profile_by_handle:${String(row.profile["handle"])}`]),
      ...(Array.isArray(teams) ? teams : []).flatMap((team) =>
        ["team_directory", "team_page", "team_card"].map((view) => `${view}:${String(team)}`),
      ),
    ]) {
      const known = byKey.get(key);
      if (known) known.push(row);
      else byKey.set(key, [row]);
    }
  }
  return byKey;
}

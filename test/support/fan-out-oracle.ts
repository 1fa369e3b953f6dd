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

/** Compares every value of every view on every node with the databases (I1); only once all is quiet. */
export async function checkFanOut(fanOut: FanOut): Promise<FanOutVerdict> {
  const { system, searchNode, teamDatabaseUrl } = fanOut;
  const rows = await readRows(system.databaseUrl);
  const answer = await query(teamDatabaseUrl, "SELECT id, name, version::int FROM teams");
  const teams = new Map((answer.rows as Team[]).map((team) => [team.id, team]));
  const checked: Record<string, number> = {};
  const violations: FanOutVerdict["violations"][number][] = [];
  for (const node of [...system.nodeAddresses, system.teamsNode.address, searchNode.address]) {
    const contents = await inspectNode(node);
    for (const [key, text = ""] of contents) {
      const [view = ""] = key.split(":");
      if (/^\{"l":"[0-9a-f]{16}"\}$/.test(text) || view === "t" || !isLive(text, contents)) continue;
      const current = expected(key, rows, teams);
      checked[view] = (checked[view] ?? 0) + 1;
      if (!isCurrent(text, current))
        violations.push({ key, cached: text.slice(0, 500), expected: JSON.stringify(current).slice(0, 500) });
    }
  }
  return { checked, violations };
}

/** Every key that the events of both topics touch, by pool, and how often. */
export async function plannedKeys({
  system,
}: FanOut): Promise<Readonly<Record<PoolName, Map<string, number>>>> {
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
      if (event === undefined) continue;
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
  return keys;
}

export type PoolName = "profiles" | "teams" | "search";

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

/** The keys that the invalidator touched and no event asked for, and those that it should have touched. */
export function compareKeys(
  touched: ReadonlyMap<string, number>,
  planned: ReadonlyMap<string, number>,
): { readonly beside: string[]; readonly missed: string[] } {
  return {
    beside: [...touched.keys()].filter((key) => !planned.has(key)),
    missed: [...planned.keys()].filter((key) => !touched.has(key)),
  };
}

// A third service, which writes nothing: searches over the profiles, and cards of teams.
import { type Loaded, ReadThroughCache, versioned } from "@freshet/cache";
import pg from "pg";
import { page } from "../contract.ts";
import { type Answer, type Asked, fromPrimary, serve } from "../http.ts";
import { readConfig } from "./config.ts";
import { type Found, searchResults, type TeamCard, teamCard } from "./contract.ts";

const config = readConfig();
const pool = new pg.Pool({ connectionString: config.DATABASE_URL });
const cache = new ReadThroughCache({
  pools: { search: { nodes: config.MEMCACHED_SEARCH } },
  limits: { timeoutMs: config.MEMCACHED_TIMEOUT_MS },
});

async function search(query: string): Promise<Loaded<readonly Found[]>> {
  const { rows } = await pool.query<Found & { version: string }>(
    `SELECT id, handle, display_name AS "displayName", version FROM profiles
      WHERE handle IS NOT NULL AND position(lower($1) in lower(display_name)) > 0 ORDER BY id LIMIT 20`,
    [query],
  );
  return versioned(
    rows.map(({ id, version }) => ({ id, version: Number(version) })),
    rows.map(({ id, handle, displayName }) => ({ id, handle, displayName })),
  );
}

/** team-service asks its own primary and profile-service's: no cache of anybody lies in between. */
async function loadCard(teamId: string): Promise<Loaded<TeamCard>> {
  const answer = await fromPrimary(`${config.TEAM_SERVICE_URL}/teams/${encodeURIComponent(teamId)}`);
  if (answer === undefined) return versioned(null);
  const { name, version, members } = page.parse(answer);
  return versioned({ entity: "team", id: teamId, version }, { teamId, name, memberCount: members.length });
}

async function route({ method, path: [kind, teamId = ""], query, bypass }: Asked): Promise<Answer> {
  const options = { bypass };
  if (method !== "GET") return { status: 405 };
  if (kind === "search") {
    const asked = query.get("q") ?? "";
    const read = cache.read(searchResults, { query: asked }, () => search(asked), options);
    const { value, outcome } = await read;
    return { status: 200, body: value ?? [], outcome };
  }
  if (kind !== "cards" || teamId === "") return { status: 404 };
  const { value, outcome } = await cache.read(teamCard, { teamId }, () => loadCard(teamId), options);
  return value === null ? { status: 404, outcome } : { status: 200, body: value, outcome };
}

const server = await serve(config, route);

process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  void pool.end().finally(() => {
    cache.close();
  });
});

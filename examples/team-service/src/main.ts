// A second service on the bus: a table of its own, events of its own, and a page that is built from its own rows and
// from those of another service.
import { type Loaded, ReadThroughCache, versioned } from "@freshet/cache";
import { createEventPublisher, createKafka } from "@freshet/kafka";
import { OutboxRelay } from "@freshet/outbox";
import pg from "pg";
import { z } from "zod";
import { readConfig, readDatabase } from "./config.ts";
import { type TeamPage, teamPage } from "./contract.ts";
import { type Answer, type Asked, fromPrimary, serve } from "./http.ts";
import { directory } from "./profile-contract.ts";
import { findTeam, saveTeam } from "./teams.ts";

const config = readConfig();
const pool = new pg.Pool({ connectionString: readDatabase().own });
pool.on("error", console.error); // an idle connection that PostgreSQL ended: the next query has a new one

const publisher = createEventPublisher(
  createKafka({ brokers: config.KAFKA_BROKERS, clientId: "team-service" }),
);
const relay = new OutboxRelay({
  pool,
  publish: (messages, options) => publisher.publish(messages, options),
  ping: (options) => publisher.ping(options),
});
relay.start();

const cache = new ReadThroughCache({
  pools: { teams: { nodes: config.MEMCACHED_TEAMS } },
  limits: { timeoutMs: config.MEMCACHED_TIMEOUT_MS },
});
const named = z.object({ name: z.string().min(1) });

/** From the primaries alone: our own table, and profile-service asked past its cache. */
async function loadPage(teamId: string): Promise<Loaded<TeamPage>> {
  const team = await findTeam(pool, teamId);
  if (!team) return versioned(null);
  const row = { entity: "team", id: team.id, version: team.version };
  if (team.name === null) return versioned<TeamPage>(row, null);
  const url = `${config.PROFILE_SERVICE_URL}/teams/${encodeURIComponent(teamId)}/directory`;
  const { members } = directory.parse(await fromPrimary(url));
  return versioned(row, { teamId, version: team.version, name: team.name, members });
}

async function route({ method, path, bypass, json }: Asked): Promise<Answer> {
  const [collection, teamId = "", ...rest] = path;
  if (collection !== "teams" || teamId === "" || rest.length > 0) return { status: 404 };
  if (method === "GET") {
    const load = () => loadPage(teamId);
    const { value, outcome } = await cache.read(teamPage, { teamId }, load, { bypass });
    return value === null ? { status: 404, outcome } : { status: 200, body: value, outcome };
  }
  if (method !== "PUT" && method !== "DELETE") return { status: 405 };
  const name = method === "DELETE" ? null : named.safeParse(await json()).data?.name;
  if (name === undefined) return { status: 400 };
  const team = await saveTeam(pool, teamId, name);
  relay.wake();
  return { status: 200, body: team };
}

const server = await serve(config, route);

process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  void relay
    .stop()
    .then(() => publisher.close())
    .then(() => pool.end())
    .finally(() => {
      cache.close();
    });
});

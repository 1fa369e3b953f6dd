import { kafkaClientOptions, kafkaSettings, port, readEnvironment } from "@freshet/config";
import { z } from "zod";

const url = (meaning: string) => z.url({ error: "is not an address" }).describe(meaning);
const database = z.string().describe("PostgreSQL connection string");
const nodes = (pool: string) => z.string().describe(`memcached nodes of the pool ${pool}`);
const timeoutMs = z.coerce.number().int().min(1).default(50).describe("Deadline of one call of memcached");

/** The settings of team-service. */
export function readTeamConfig() {
  const values = readEnvironment(
    z.object({
      ...kafkaSettings,
      PORT: port(3200, "HTTP port of the teams"),
      DATABASE_URL: database,
      MEMCACHED_TEAMS: nodes("teams"),
      MEMCACHED_TIMEOUT_MS: timeoutMs,
      PROFILE_SERVICE_URL: url("Public address of profile-service"),
    }),
    process.env,
  );
  return { ...values, kafka: kafkaClientOptions(values) };
}

/** The settings of search-reader. */
export function readSearchConfig() {
  return readEnvironment(
    z.object({
      PORT: port(3201, "HTTP port of the search"),
      DATABASE_URL: database,
      MEMCACHED_SEARCH: nodes("search"),
      MEMCACHED_TIMEOUT_MS: timeoutMs,
      TEAM_SERVICE_URL: url("Address of team-service"),
    }),
    process.env,
  );
}

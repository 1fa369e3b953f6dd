import { join } from "node:path";
import { kafkaBroker } from "./kafka.mjs";
import { memcachedNode } from "./memcached.mjs";
import { databaseUrl, ensureDatabase, postgresServer } from "./postgres.mjs";

/** @typedef {"profiles" | "teams"} PoolName a pool of deploy/manifests/pools.yaml */

/** @type {readonly PoolName[]} */
const poolNames = ["profiles", "teams"];

/** What tells the apps the nodes of a pool. */
const memcachedVariables = /** @type {const} */ ({
  profiles: "MEMCACHED_PROFILES",
  teams: "MEMCACHED_TEAMS",
});

/**
 * @typedef {object} Servers what the apps and the tests talk to, ours or those of the environment
 * @property {string[]} brokers host:port
 * @property {string} databaseUrl
 * @property {Record<PoolName, string[]>} memcachedNodes host:port per pool, as both apps must be given them
 * @property {import("./server-process.mjs").ServerProcess[]} started the ones that are ours to stop
 */

/**
 * Starts Kafka, PostgreSQL and memcached side by side, except those that KAFKA_BROKERS, DATABASE_URL or
 * MEMCACHED_<POOL> name. When one fails, the others are stopped before it rejects.
 * @param {{
 *   ports: { kafka: number, postgres: number, memcached: Record<PoolName, number[]> },
 *   dir: string,
 *   env?: NodeJS.ProcessEnv,
 *   postgresSettings?: Record<string, string>,
 *   memcachedMb?: number,
 *   signal?: AbortSignal,
 *   onStarted?: (server: import("./server-process.mjs").ServerProcess) => void,
 * }} options dir keeps data and logs
 * @returns {Promise<Servers>}
 */
export async function startServers(options) {
  const { ports, dir, env = process.env, postgresSettings, memcachedMb, signal, onStarted } = options;
  const logDir = join(dir, "logs");
  /** @type {import("./server-process.mjs").ServerProcess[]} */
  const started = [];
  const start = async (/** @type {import("./server-process.mjs").ServerProcess} */ server) => {
    started.push(server);
    await server.start(signal);
    onStarted?.(server);
  };
  const inFolder = (/** @type {string} */ name) => ({ dataDir: join(dir, name), logDir, signal });

  const all = await Promise.allSettled([
    env.KAFKA_BROKERS ?? kafkaBroker({ port: ports.kafka, ...inFolder("kafka") }).then(start),
    env.DATABASE_URL ??
      postgresServer({
        port: ports.postgres,
        ...(postgresSettings && { settings: postgresSettings }),
        ...inFolder("postgres"),
      })
        .then(start)
        .then(() => ensureDatabase(databaseUrl(ports.postgres, "postgres"), "freshet")),
    ...ownPools(env).flatMap((pool) =>
      ports.memcached[pool].map((port) =>
        start(memcachedNode({ port, logDir, ...(memcachedMb && { memoryMb: memcachedMb }) })),
      ),
    ),
  ]);
  const failure = all.find((result) => result.status === "rejected");
  if (failure) {
    await stopServers(started);
    throw failure.reason;
  }
  const local = (/** @type {number} */ port) => `127.0.0.1:${port}`;
  const nodesOf = (/** @type {PoolName} */ pool) =>
    list(env[memcachedVariables[pool]]) ?? ports.memcached[pool].map(local);
  return {
    brokers: list(env.KAFKA_BROKERS) ?? [local(ports.kafka)],
    databaseUrl: env.DATABASE_URL ?? databaseUrl(ports.postgres, "freshet"),
    memcachedNodes: { profiles: nodesOf("profiles"), teams: nodesOf("teams") },
    started,
  };
}

/**
 * The pools whose nodes the environment does not name.
 * @param {NodeJS.ProcessEnv} env
 */
export function ownPools(env) {
  return poolNames.filter((pool) => !env[memcachedVariables[pool]]);
}

/**
 * The environment that gives the apps the nodes of every pool.
 * @param {Record<PoolName, readonly string[]>} nodes
 * @returns {Record<string, string>}
 */
export function memcachedEnvironment(nodes) {
  return Object.fromEntries(poolNames.map((pool) => [memcachedVariables[pool], nodes[pool].join(",")]));
}

/** @param {import("./server-process.mjs").ServerProcess[]} servers */
export async function stopServers(servers) {
  await Promise.all(servers.map((server) => server.stop()));
}

/** @param {string | undefined} value */
function list(value) {
  return value?.split(",").map((item) => item.trim());
}

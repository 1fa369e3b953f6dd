// The servers of a run: started once by the first project that needs them, stopped with the last one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestProject } from "vitest/node";
import { freePort } from "../../scripts/local/ports.mjs";
import { startServers, type Servers } from "../../scripts/local/servers.mjs";

declare module "vitest" {
  interface ProvidedContext {
    /** host:port of the shared Kafka. */
    kafkaBrokers: string[];
    /** A database of the shared PostgreSQL; specs use `freshDatabase()`. */
    databaseUrl: string;
    /** host:port of the shared memcached nodes of the pool profiles: never flush, stop or inspect all of them. */
    memcachedNodes: string[];
    /** The same of the pool teams. */
    teamsNodes: string[];
  }
}

interface Run {
  users: number;
  servers: Promise<Servers>;
  dir: string;
}

// Every project loads this module for itself; the process is what they share.
const shared: typeof globalThis & { freshetRun?: Run } = globalThis;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.freshetRun ??= await startRun();
  const run = shared.freshetRun;
  run.users += 1;
  const { brokers, databaseUrl, memcachedNodes } = await run.servers;
  project.provide("kafkaBrokers", brokers);
  project.provide("databaseUrl", databaseUrl);
  project.provide("memcachedNodes", memcachedNodes.profiles);
  project.provide("teamsNodes", memcachedNodes.teams);
  return async () => {
    run.users -= 1;
    if (run.users > 0) return;
    delete shared.freshetRun;
    await Promise.all((await run.servers).started.map((server) => server.stop()));
    rmSync(run.dir, { recursive: true, force: true });
  };
}

async function startRun(): Promise<Run> {
  const dir = mkdtempSync(join(tmpdir(), "freshet-test-"));
  const profiles = [await freePort(), await freePort(), await freePort()];
  const memcached = { profiles, teams: [await freePort()] };
  const ports = { kafka: await freePort(), postgres: await freePort(), memcached };
  return { users: 0, servers: startServers({ ports, dir }), dir };
}

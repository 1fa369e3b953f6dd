// Servers that a spec may kill, freeze and restart without disturbing others. They end with the spec file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { kafkaBroker } from "../../scripts/local/kafka.mjs";
import { memcachedNode } from "../../scripts/local/memcached.mjs";
import { freePort } from "../../scripts/local/ports.mjs";
import { databaseUrl, postgresServer } from "../../scripts/local/postgres.mjs";
import { type ServerProcess } from "../../scripts/local/server-process.mjs";
import { TcpProxy } from "./tcp-proxy.ts";

const servers: ServerProcess[] = [];
let dir: string | undefined;

/** Kills what the spec file started with the helpers; registered by the set-up file of every project. */
export function endOwnServersWithTheFile(): void {
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });
}

/** The folder for data and logs of this spec file. */
export function ownDir(): string {
  dir ??= mkdtempSync(join(tmpdir(), "freshet-spec-"));
  return dir;
}

/** Starts a server and lets it end with the spec file at the latest. */
export async function startOwn(server: ServerProcess): Promise<ServerProcess> {
  servers.push(server);
  await server.start();
  return server;
}

/** A running memcached node; `port` restarts or replaces one at a known address. */
export async function ownMemcachedNode(
  options: { port?: number; memoryMb?: number } = {},
): Promise<ServerProcess> {
  const { port = await freePort(), ...rest } = options;
  return startOwn(memcachedNode({ port, logDir: ownDir(), ...rest }));
}

interface BrokerOptions {
  readonly port?: number;
  readonly dataDir?: string;
  readonly settings?: Record<string, string>;
}

/** A running broker; `settings` win over those of production. */
export async function ownBroker(options: BrokerOptions = {}): Promise<ServerProcess> {
  const { port = await freePort(), ...rest } = options;
  return startOwn(
    await kafkaBroker({ port, dataDir: join(ownDir(), `kafka-${port}`), logDir: ownDir(), ...rest }),
  );
}

/**
 * A running broker with two listeners, the second one behind a proxy: who comes through the proxy is told to come
 * through it always.
 */
export async function ownProxiedBroker(
  options: Omit<BrokerOptions, "port"> = {},
): Promise<{ broker: ServerProcess; proxy: TcpProxy }> {
  const [port, behindProxy] = [await freePort(), await freePort()];
  const proxy = await TcpProxy.start(`127.0.0.1:${behindProxy}`);
  const [direct, controller] = [`127.0.0.1:${port}`, `127.0.0.1:${await freePort()}`];
  const settings = {
    listeners: `PLAINTEXT://${direct},PROXIED://127.0.0.1:${behindProxy},CONTROLLER://${controller}`,
    "advertised.listeners": `PLAINTEXT://${direct},PROXIED://${proxy.address}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.quorum.voters": `1@${controller}`,
    ...options.settings,
  };
  return { broker: await ownBroker({ ...options, port, settings }), proxy };
}

/** A running PostgreSQL with the connection string of its only database. */
export async function ownPostgres(
  options: { settings?: Record<string, string> } = {},
): Promise<{ server: ServerProcess; databaseUrl: string }> {
  const port = await freePort();
  const dataDir = join(ownDir(), `postgres-${port}`);
  const server = await startOwn(await postgresServer({ port, dataDir, logDir: ownDir(), ...options }));
  return { server, databaseUrl: databaseUrl(port, "postgres") };
}

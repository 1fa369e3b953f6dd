// What a nemesis acts on: real processes, each with a proxy before it where the network is to fail.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { kafkaAdmin } from "../../../scripts/local/kafka-admin.mjs";
import { query } from "../../../scripts/local/postgres.mjs";
import { type ServerProcess } from "../../../scripts/local/server-process.mjs";
import { memcachedEnvironment } from "../../../scripts/local/servers.mjs";
import { waitUntil } from "../../../scripts/local/wait.mjs";
import {
  type CachedKey,
  cachedKeys,
  type Checked,
  countedEvents,
  groupPartitions,
  readRows,
  untilQuiet,
} from "../checker.ts";
import { crashPoints } from "../crash-points.ts";
import { type Snapshot } from "../invariants.ts";
import { uniqueName } from "../names.ts";
import { ownDir, ownMemcachedNode, ownPostgres, ownProxiedBroker } from "../own-servers.ts";
import { type AppChanges, System } from "../system.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { App } from "./app.ts";
import { Load } from "./load.ts";
import { SmallDisk } from "./small-disk.ts";

export const pools = ["profiles", "teams"] as const;
/** Of each topic. */
const partitions = 12;
/** By when lag is 0 again after everything is healed (I7): several sessions, joins and back-offs on a busy machine. */
const healedWithinMs = 90_000;

/** What differs from the apps as they are, for planted defects. */
export interface WorldOptions {
  readonly seed: number;
  /** The bound of I7. */
  readonly healedWithinMs?: number;
  readonly service?: AppChanges;
  readonly invalidator?: AppChanges;
}

/** A memcached node and the proxy by which all apps know it. */
export interface Node {
  readonly server: ServerProcess;
  readonly proxy: TcpProxy;
}

interface Parts {
  readonly system: System;
  readonly broker: ServerProcess;
  readonly brokerLink: TcpProxy;
  readonly disk: SmallDisk | { readonly missing: string };
  readonly database: ServerProcess;
  readonly databaseLinks: readonly [TcpProxy, TcpProxy];
  readonly nodes: readonly [Node, Node, Node];
  readonly teamsNode: Node;
}

/**
 * Two replicas of each app. The pool profiles is in the midst of losing its third node: one service still reads by the
 * old list of three, the other one and both invalidators by the new list of two, with the old one as previous.
 * One invalidator refreshes, the other one deletes.
 */
export class World implements AsyncDisposable {
  readonly parts: Parts;
  readonly services: readonly [App, App];
  readonly invalidators: readonly [App, App];
  readonly load: Load;
  /** A third invalidator, while one has joined. */
  readonly startGuest: () => Promise<App>;
  /** Ids of events that were published from outside. */
  readonly strangers = new Set<string>();
  readonly #ownEnds: string[];
  readonly #healedWithinMs: number;

  private constructor(
    parts: Parts,
    apps: Pick<World, "services" | "invalidators" | "startGuest">,
    load: Load,
    ownEnds: string[],
    bound: number,
  ) {
    this.#healedWithinMs = bound;
    this.parts = parts;
    this.services = apps.services;
    this.invalidators = apps.invalidators;
    this.startGuest = apps.startGuest;
    this.load = load;
    this.#ownEnds = ownEnds;
  }

  static async begin({ seed, ...changes }: WorldOptions): Promise<World> {
    const parts = await startServers();
    const ownEnds: string[] = [];
    const { system } = parts;
    const startApp = (name: string, app: "service" | "invalidator", env: Record<string, string>) =>
      App.start(name, {
        steps: app === "service" ? crashPoints["profile-service"] : crashPoints.invalidator,
        start: (all) => (app === "service" ? system.startService(all) : system.startInvalidator(all)),
        changes: { ...changes[app], env: { ...env, ...changes[app]?.env } },
        onOwnEnd: (how) => ownEnds.push(`${name} ended by itself: ${how}`),
      });
    const startInvalidator = (name: string, refresh: "on" | "off") =>
      startApp(name, "invalidator", { ...newList(parts), REFRESH: refresh, LOG_LEVEL: "debug" });
    const [service, otherService, invalidator, other] = await Promise.all([
      startApp("service 0", "service", { ...newList(parts), ...links(parts, 0) }),
      startApp("service 1", "service", { ...oldList(parts), ...links(parts, 1) }),
      startInvalidator("invalidator 0", "on"),
      startInvalidator("invalidator 1", "off"),
    ]);
    const services = [service, otherService] as const;
    const either = (index: 0 | 1) => () =>
      (services[index].isRunning ? services[index] : services[1 - index])?.url ?? "";
    const canBeAsked = () => services.some(({ isRunning }) => isRunning);
    const load = new Load([either(0), either(1), either(0), either(1)], { seed, profiles: 6, canBeAsked });
    await Promise.all(load.lanes.map((lane) => lane.createAll()));
    const apps = {
      services,
      invalidators: [invalidator, other] as const,
      startGuest: () => startInvalidator(uniqueName("guest"), "off"),
    };
    return new World(parts, apps, load, ownEnds, changes.healedWithinMs ?? healedWithinMs);
  }

  get system(): System {
    return this.parts.system;
  }

  /** Every node of the pool profiles, also of its previous list, by its own address: nothing stands between. */
  get checked(): Checked {
    const { system, nodes } = this.parts;
    const { brokers, databaseUrl, groups, topic, teamsNode } = system;
    return {
      brokers,
      databaseUrl,
      groups,
      topic,
      teamsNode,
      nodeAddresses: nodes.map(({ server }) => server.address),
    };
  }

  /** All that is no app. */
  get servers(): readonly ServerProcess[] {
    const { broker, database, nodes, teamsNode } = this.parts;
    return [broker, database, ...[...nodes, teamsNode].map(({ server }) => server)];
  }

  /** What ended without being told to, since the last look. */
  takeOwnEnds(): string[] {
    return this.#ownEnds.splice(0);
  }

  /** Every app runs again. */
  async reviveAll(): Promise<void> {
    await Promise.all([...this.services, ...this.invalidators].map((app) => app.revive()));
  }

  /** Resolves once nothing is under way, and both replicas read all partitions of both pools (I7). */
  async untilHealed(): Promise<void> {
    await untilQuiet(this.checked, { timeoutMs: this.#healedWithinMs });
    await waitUntil("both replicas to read all partitions of both pools", () => this.#isWhole(), {
      timeoutMs: this.#healedWithinMs,
      intervalMs: 300,
    });
    await untilQuiet(this.checked, { timeoutMs: this.#healedWithinMs });
  }

  /** The commits, then what stands on the nodes, then the rows; undefined where the broker does not answer. */
  async snapshot(): Promise<Snapshot | undefined> {
    const { nodes, teamsNode } = this.parts;
    // A frozen broker would hold the look, and with it the fault, for the 30 s of a request.
    const commits = await Promise.race([
      groupPartitions(this.checked, ...pools).catch(() => undefined),
      delay(3_000, undefined, { ref: false }),
    ]);
    if (commits === undefined) return undefined;
    // A node that is away or frozen is left out; it is looked at when it is back.
    const contents = await Promise.all(
      [...nodes, teamsNode].map(({ server, proxy }) =>
        cachedKeys([server.address]).then(
          (keys) => keys.map((each): CachedKey => ({ ...each, node: proxy.address })),
          () => [],
        ),
      ),
    );
    const rows = await readRows(this.system.databaseUrl).catch(() => undefined);
    return { commits, cached: contents.flat(), rows };
  }

  /** Per pool: what both replicas have counted since they were started, and where the log ends. */
  async counts(): Promise<
    readonly { readonly pool: string; readonly counted: number; readonly high: number }[]
  > {
    const urls = this.invalidators.map(({ url }) => url);
    return Promise.all(
      pools.map(async (pool) => {
        const ends = await groupPartitions(this.checked, pool);
        const high = ends.reduce((sum, each) => sum + each.high, 0);
        return { pool, counted: await countedEvents(urls, pool), high };
      }),
    );
  }

  async waitingInOutbox(): Promise<number> {
    const { rows } = await query(
      this.system.databaseUrl,
      "SELECT count(*)::int AS waiting FROM outbox_events",
    );
    return (rows[0] as { waiting: number }).waiting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { system, brokerLink, disk, databaseLinks, nodes, teamsNode } = this.parts;
    await system[Symbol.asyncDispose]();
    await Promise.all(this.servers.map((server) => server.kill()));
    const proxies = [brokerLink, ...databaseLinks, ...[...nodes, teamsNode].map(({ proxy }) => proxy)];
    await Promise.all(proxies.map((proxy) => proxy.close()));
    if (disk instanceof SmallDisk) disk[Symbol.dispose]();
  }

  async #isWhole(): Promise<boolean> {
    const groups = await kafkaAdmin([...this.system.brokers], async (admin) => {
      await admin.describeCluster();
      return admin.describeGroups(pools.map((pool) => this.system.groups[pool]));
    });
    const reading = await Promise.all(this.invalidators.map(({ url }) => readingOf(url)));
    const found = pools.map((pool, index) => ({
      pool,
      state: groups.groups[index]?.state,
      members: groups.groups[index]?.members.length,
      reading: reading.map((each) => each.get(pool) ?? 0),
    }));
    const isWhole = ({ state, members, reading: own }: (typeof found)[number]) =>
      state === "Stable" && members === 2 && own.reduce((sum, count) => sum + count, 0) === partitions;
    if (found.every(isWhole)) return true;
    throw new Error(JSON.stringify(found));
  }
}

/** Pool → partitions that this replica reads. */
export async function readingOf(url: string): Promise<Map<string, number>> {
  const answer = await fetch(`${url}/status`, { signal: AbortSignal.timeout(2_000) });
  const status = (await answer.json()) as {
    pools: { pool: string; partitions: { phase: string }[] }[];
  };
  return new Map(
    status.pools.map(({ pool, partitions: own }) => [
      pool,
      own.filter(({ phase }) => phase === "reading").length,
    ]),
  );
}

async function startServers(): Promise<Parts> {
  const dataDir = join(ownDir(), uniqueName("kafka"));
  const disk = SmallDisk.mount(dataDir);
  const [{ broker, proxy: brokerLink }, { server: database, databaseUrl: databaseServer }, third] =
    await Promise.all([ownProxiedBroker({ dataDir }), ownPostgres(), ownMemcachedNode()]);
  const system = await System.create({ brokers: [broker.address], databaseServer });
  const behindProxy = async (server: ServerProcess): Promise<Node> => ({
    server,
    proxy: await TcpProxy.start(server.address),
  });
  const link = () => TcpProxy.start(database.address);
  return {
    system,
    broker,
    brokerLink,
    disk,
    database,
    databaseLinks: [await link(), await link()],
    nodes: [await behindProxy(system.nodes[0]), await behindProxy(system.nodes[1]), await behindProxy(third)],
    teamsNode: await behindProxy(system.teamsNode),
  };
}

function addresses(nodes: readonly Node[]): string[] {
  return nodes.map(({ proxy }) => proxy.address);
}

function newList({ nodes, teamsNode }: Parts): Record<string, string> {
  return {
    ...memcachedEnvironment({ profiles: addresses(nodes.slice(0, 2)), teams: addresses([teamsNode]) }),
    MEMCACHED_PROFILES_PREVIOUS: addresses(nodes).join(","),
  };
}

function oldList({ nodes, teamsNode }: Parts): Record<string, string> {
  return memcachedEnvironment({ profiles: addresses(nodes), teams: addresses([teamsNode]) });
}

/** The way of one service to the broker and to its database. */
function links({ system, brokerLink, databaseLinks }: Parts, index: 0 | 1): Record<string, string> {
  const url = new URL(system.databaseUrl);
  url.port = String(databaseLinks[index].port);
  return { DATABASE_URL: url.href, KAFKA_BROKERS: brokerLink.address };
}

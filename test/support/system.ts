import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import { migrate } from "../../scripts/local/apps.mjs";
import { freePort } from "../../scripts/local/ports.mjs";
import { type ServerProcess } from "../../scripts/local/server-process.mjs";
import { memcachedEnvironment } from "../../scripts/local/servers.mjs";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { startApp } from "./app.ts";
import { freshDatabase } from "./database.ts";
import { uniqueName } from "./names.ts";
import { ownMemcachedNode } from "./own-servers.ts";
import { TcpProxy } from "./tcp-proxy.ts";

const manifestsDir = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));
const topic = "profile.events.v1";

/** What a spec changes about an app: more environment, more arguments for node (a crash point has both). */
export interface AppChanges {
  readonly env?: Record<string, string>;
  readonly nodeArgs?: readonly string[];
}

interface SystemOptions {
  readonly brokers?: string[];
  /** Any database of the server that the system's own is made on; the shared one unless told. */
  readonly databaseServer?: string;
  readonly proxied?: boolean;
}

/** A running app with the base URL of its public port. */
export type RunningApp = ServerProcess & { readonly url: string };

/**
 * A deployment of the spec's own: database, consumer groups, two memcached nodes of the pool profiles and one of the
 * pool teams. The topic alone is shared with other
 * specs of the same broker: their events are read as well and touch no key of this one, ids being unique. Disposing
 * kills everything that it started.
 */
export class System implements AsyncDisposable {
  readonly topic = topic;
  /** The consumer group of each pool. */
  readonly groups: Readonly<Record<"profiles" | "teams", string>>;
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  /** The nodes of the pool profiles. */
  readonly nodes: readonly [ServerProcess, ServerProcess];
  readonly teamsNode: ServerProcess;
  /** What stands before the nodes of the pool profiles, for the apps alone; undefined unless asked for. */
  readonly proxies: readonly [TcpProxy, TcpProxy] | undefined;
  /** DEPLOYMENT of the invalidators. */
  readonly deployment: string;
  readonly #apps: ServerProcess[] = [];
  /** Where the first replica of profile-service answers the bus. */
  readonly #internalPort: number;
  readonly #internalToken = uniqueName("token");
  /** ADMIN_TOKEN of the invalidators. */
  readonly adminToken = `${uniqueName("admin")}-of-this-spec`;
  #adminPort = 0;
  #services = 0;

  private constructor(
    parts: Pick<System, "databaseUrl" | "brokers" | "nodes" | "teamsNode" | "proxies">,
    internalPort: number,
  ) {
    this.#internalPort = internalPort;
    this.deployment = uniqueName("spec");
    this.groups = {
      profiles: `freshet.${this.deployment}.profiles`,
      teams: `freshet.${this.deployment}.teams`,
    };
    this.databaseUrl = parts.databaseUrl;
    this.brokers = parts.brokers;
    this.nodes = parts.nodes;
    this.teamsNode = parts.teamsNode;
    this.proxies = parts.proxies;
  }

  /** Databases, topic and nodes are there when it resolves; no app runs yet. */
  static async create(options: SystemOptions = {}): Promise<System> {
    const { brokers = inject("kafkaBrokers"), databaseServer, proxied = false } = options;
    const [databaseUrl, nodes, teamsNode] = await Promise.all([
      freshDatabase(databaseServer),
      Promise.all([ownMemcachedNode(), ownMemcachedNode()]),
      ownMemcachedNode(),
      ensureTopics(brokers, [topic]),
    ]);
    await migrate(databaseUrl);
    const before = ({ address }: ServerProcess) => TcpProxy.start(address);
    const proxies: System["proxies"] = proxied ? [await before(nodes[0]), await before(nodes[1])] : undefined;
    return new System({ databaseUrl, brokers, nodes, teamsNode, proxies }, await freePort());
  }

  /** host:port of every node of the pool profiles itself. */
  get nodeAddresses(): string[] {
    return this.nodes.map(({ address }) => address);
  }

  /** host:port at which the first replica of profile-service answers the bus. */
  get internalAddress(): string {
    return `127.0.0.1:${this.#internalPort}`;
  }

  /** A replica of profile-service that leaves all deleting to the bus; `url` is its public API. */
  async startService({ env, nodeArgs = [] }: AppChanges = {}): Promise<RunningApp> {
    const isFirst = (this.#services += 1) === 1;
    const [port, internalPort] = [await freePort(), isFirst ? this.#internalPort : await freePort()];
    const service = await startApp("profile-service", {
      port,
      readyPort: internalPort,
      nodeArgs: [...nodeArgs],
      env: {
        ...this.environment,
        DATABASE_URL: this.databaseUrl,
        INTERNAL_PORT: String(internalPort),
        WRITER_DELETE: "off",
        ...env,
      },
    });
    return this.#running(service);
  }

  /** A replica of the invalidator that deletes every key, unless REFRESH is on; `url` is its read-only port. */
  async startInvalidator({ env, nodeArgs = [] }: AppChanges = {}): Promise<RunningApp> {
    const adminPort = await freePort();
    this.#adminPort = adminPort;
    const invalidator = await startApp("invalidator", {
      port: await freePort(),
      nodeArgs: [...nodeArgs],
      env: {
        ...this.environment,
        DEPLOYMENT: this.deployment,
        MANIFESTS_DIR: manifestsDir,
        SERVICE_URL_PROFILE_SERVICE: `http://${this.internalAddress}`,
        REFRESH: "off",
        ADMIN_PORT: String(adminPort),
        ADMIN_TOKEN: this.adminToken,
        ...env,
      },
    });
    return this.#running(invalidator);
  }

  /** The admin port of the invalidator that was started last. */
  get adminUrl(): string {
    return `http://127.0.0.1:${this.#adminPort}`;
  }

  /** The auditor of this deployment; `url` is its port. */
  async startAuditor({ env, nodeArgs = [] }: AppChanges = {}): Promise<RunningApp> {
    const auditor = await startApp("auditor", {
      port: await freePort(),
      nodeArgs: [...nodeArgs],
      env: {
        ...this.environment,
        DEPLOYMENT: this.deployment,
        MANIFESTS_DIR: manifestsDir,
        SERVICE_URL_PROFILE_SERVICE: `http://${this.internalAddress}`,
        ...env,
      },
    });
    return this.#running(auditor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#apps, ...this.nodes, this.teamsNode].map((process) => process.kill()));
    await Promise.all(this.proxies?.map((proxy) => proxy.close()) ?? []);
  }

  #running(app: ServerProcess): RunningApp {
    this.#apps.push(app);
    return Object.assign(app, { url: `http://${app.address}` });
  }

  /** What both apps and `freshet` are given. */
  get environment(): Record<string, string> {
    const profiles = this.proxies?.map(({ address }) => address) ?? this.nodeAddresses;
    return {
      KAFKA_BROKERS: this.brokers.join(","),
      INTERNAL_TOKEN: this.#internalToken,
      ...memcachedEnvironment({ profiles, teams: [this.teamsNode.address] }),
    };
  }
}

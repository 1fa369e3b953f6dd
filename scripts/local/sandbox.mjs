import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../build.mjs";
import { appProcess, migrate } from "./apps.mjs";
import { freePort, LOOPBACK } from "./ports.mjs";
import { memcachedEnvironment, startServers, stopServers } from "./servers.mjs";
import { ensureTopics } from "./topics.mjs";

/** @typedef {import("./server-process.mjs").ServerProcess} ServerProcess */
/** @typedef {import("./servers.mjs").Servers} Servers */
/** @typedef {{ service: number, internal: number, invalidator: number, admin: number, auditor: number }} AppPorts */
/** @typedef {{ env?: NodeJS.ProcessEnv, nodeArgs?: string[], entry?: string, port?: number, readyPort?: number }} AppOptions */

const MANIFESTS = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));
const TOPIC = "profile.events.v1";

/**
 * Servers and apps of one run alone: free ports, temporary data, nothing of the environment. Two memcached
 * nodes for the pool profiles, one for teams. PostgreSQL keeps commit times, so that a delay can be measured from the commit itself.
 */
export class Sandbox {
  topic = TOPIC;
  /** @type {ServerProcess[]} */
  #apps = [];
  /** @type {Servers} */
  #servers;
  /** @type {string} */
  #dir;
  /** @type {AppPorts} */
  #ports;

  /**
   * @param {string} dir
   * @param {Servers} servers
   * @param {AppPorts} ports
   */
  constructor(dir, servers, ports) {
    this.#dir = dir;
    this.#servers = servers;
    this.#ports = ports;
  }

  /**
   * Builds the apps and starts the servers, with topics and tables; what has started is stopped when it fails.
   * @param {string} name
   * @param {{ signal: AbortSignal, partitions?: number, memcachedMb?: number }} options memcachedMb: of each node
   * @returns {Promise<Sandbox>}
   */
  static async open(name, { signal, partitions = 12, memcachedMb }) {
    const dir = mkdtempSync(join(tmpdir(), `freshet-${name}-`));
    const memcached = { profiles: [await freePort(), await freePort()], teams: [await freePort()] };
    const ports = { kafka: await freePort(), postgres: await freePort(), memcached };
    const [building, starting] = await Promise.allSettled([
      build(signal),
      startServers({
        ports,
        dir,
        env: {},
        postgresSettings: { track_commit_timestamp: "on" },
        ...(memcachedMb && { memcachedMb }),
        signal,
      }),
    ]);
    if (starting.status === "rejected") {
      rmSync(dir, { recursive: true, force: true });
      throw starting.reason;
    }
    const sandbox = new Sandbox(dir, starting.value, {
      service: await freePort(),
      internal: await freePort(),
      invalidator: await freePort(),
      admin: await freePort(),
      auditor: await freePort(),
    });
    try {
      if (building.status === "rejected") throw building.reason;
      const { brokers, databaseUrl } = sandbox;
      await Promise.all([ensureTopics(brokers, [TOPIC], { partitions }), migrate(databaseUrl, signal)]);
    } catch (error) {
      await sandbox.close();
      throw error;
    }
    return sandbox;
  }

  /** host:port each */
  get brokers() {
    return this.#servers.brokers;
  }

  get databaseUrl() {
    return this.#servers.databaseUrl;
  }

  /** host:port of each node of the pool profiles */
  get memcachedNodes() {
    return this.#servers.memcachedNodes.profiles;
  }

  /** The running servers and the apps, running or not. */
  get processes() {
    return [...this.#servers.started, ...this.#apps];
  }

  get dir() {
    return this.#dir;
  }

  get logDir() {
    return join(this.#dir, "logs");
  }

  get serviceUrl() {
    return `http://${LOOPBACK}:${this.#ports.service}`;
  }

  /** Where profile-service answers the bus. */
  get internalUrl() {
    return `http://${LOOPBACK}:${this.#ports.internal}`;
  }

  get auditorUrl() {
    return `http://${LOOPBACK}:${this.#ports.auditor}`;
  }

  get invalidatorUrl() {
    return `http://${LOOPBACK}:${this.#ports.invalidator}`;
  }

  /**
   * profile-service, not started, with WRITER_DELETE off: otherwise keys would go without the bus.
   * @param {AppOptions} [options]
   */
  profileService({ env, ...options } = {}) {
    const { service, internal } = this.#ports;
    const settings = {
      DATABASE_URL: this.databaseUrl,
      INTERNAL_PORT: String(internal),
      WRITER_DELETE: "off",
    };
    const app = appProcess("profile-service", {
      port: service,
      readyPort: internal,
      env: { ...this.#shared(), ...settings, ...env },
      logDir: this.logDir,
      ...options,
    });
    this.#apps.push(app);
    return app;
  }

  /**
   * The invalidator, not started.
   * @param {AppOptions} [options]
   */
  invalidator({ env, ...options } = {}) {
    const settings = {
      MANIFESTS_DIR: MANIFESTS,
      ADMIN_PORT: String(this.#ports.admin),
      // Every key is deleted: what is measured and told is how long an old value stays, not who loads the new one.
      REFRESH: "off",
    };
    const app = appProcess("invalidator", {
      port: this.#ports.invalidator,
      env: { ...this.#shared(), ...settings, ...env },
      logDir: this.logDir,
      ...options,
    });
    this.#apps.push(app);
    return app;
  }

  /**
   * The auditor, not started; it may ask the first profile-service what is true.
   * @param {AppOptions} [options]
   */
  auditor({ env, ...options } = {}) {
    const settings = { MANIFESTS_DIR: MANIFESTS, SERVICE_URL_PROFILE_SERVICE: this.internalUrl };
    const app = appProcess("auditor", {
      port: this.#ports.auditor,
      env: { ...this.#shared(), ...settings, ...env },
      logDir: this.logDir,
      ...options,
    });
    this.#apps.push(app);
    return app;
  }

  /**
   * Stops everything, the apps first, and removes the data.
   * @param {{ keepLogs?: boolean }} [options]
   */
  async close({ keepLogs = false } = {}) {
    await stopServers(this.#apps);
    await stopServers(this.#servers.started);
    for (const entry of readdirSync(this.#dir))
      if (!keepLogs || entry !== "logs") rmSync(join(this.#dir, entry), { recursive: true, force: true });
    if (!keepLogs) rmSync(this.#dir, { recursive: true, force: true });
  }

  #shared() {
    return {
      PATH: process.env.PATH,
      KAFKA_BROKERS: this.brokers.join(","),
      ...memcachedEnvironment(this.#servers.memcachedNodes),
    };
  }
}

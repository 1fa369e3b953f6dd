// Three services, three pools, on real servers: profile-service, and the two of examples/team-service.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { appProcess } from "../../scripts/local/apps.mjs";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { freePort } from "../../scripts/local/ports.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { type ServerProcess } from "../../scripts/local/server-process.mjs";
import { runCommand } from "../../scripts/local/run-command.mjs";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { freshDatabase } from "./database.ts";
import { KeyLog } from "./key-log.ts";
import { uniqueName } from "./names.ts";
import { ownDir, ownMemcachedNode, startOwn } from "./own-servers.ts";
import { type RunningApp, System } from "./system.ts";

const examples = new URL("../../examples/team-service/dist/", import.meta.url);

export const teamsTopic = "teams.events.v1";

export class FanOut implements AsyncDisposable {
  /** Part of every id of this one: the topics are shared with others, whose events are read as well. */
  readonly name = uniqueName("f");
  readonly system: System;
  readonly teamDatabaseUrl: string;
  /** Of the pool search. */
  readonly searchNode: ServerProcess;
  /** Before every node, in the order profiles, profiles, teams, search. */
  readonly logs: readonly KeyLog[];
  readonly urls: { readonly profiles: string; readonly teams: string; readonly search: string };
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(
    parts: Pick<FanOut, "system" | "teamDatabaseUrl" | "searchNode" | "logs" | "urls">,
    environment: Readonly<Record<string, string>>,
  ) {
    this.system = parts.system;
    this.teamDatabaseUrl = parts.teamDatabaseUrl;
    this.searchNode = parts.searchNode;
    this.logs = parts.logs;
    this.urls = parts.urls;
    this.#environment = environment;
  }

  /** The three services run when it resolves; no invalidator does. */
  static async create(): Promise<FanOut> {
    const [system, teamDatabaseUrl, searchNode] = await Promise.all([
      System.create(),
      freshDatabase(),
      ownMemcachedNode(),
    ]);
    await ensureTopics([...system.brokers], [teamsTopic]);
    const nodes = [...system.nodes, system.teamsNode, searchNode];
    const logs = await Promise.all(nodes.map(({ address }) => KeyLog.start(address, { withReaders: true })));
    const [one = "", two = "", teams = "", search = ""] = logs.map(({ address }) => address);
    const environment = {
      MEMCACHED_PROFILES: `${one},${two}`,
      MEMCACHED_TEAMS: teams,
      MEMCACHED_SEARCH: search,
      MANIFESTS_DIR: manifestsFolder(),
      MEMCACHED_TIMEOUT_MS: "2000", // nothing is measured here, and a busy machine must not keep values out
      RATE_LIMIT_PER_MINUTE: "0",
    };
    const profileService = await system.startService({ env: environment });
    const migrate = fileURLToPath(new URL("migrate.js", examples));
    await runCommand(process.execPath, [migrate], {
      env: { PATH: process.env.PATH, DATABASE_URL: teamDatabaseUrl },
    });
    const teamService = await startExample("main.js", {
      ...environment,
      DATABASE_URL: teamDatabaseUrl,
      KAFKA_BROKERS: system.brokers.join(","),
      PROFILE_SERVICE_URL: profileService.url,
    });
    const searchReader = await startExample("search-reader/main.js", {
      ...environment,
      DATABASE_URL: system.databaseUrl,
      TEAM_SERVICE_URL: teamService,
    });
    const urls = { profiles: profileService.url, teams: teamService, search: searchReader };
    return new FanOut({ system, teamDatabaseUrl, searchNode, logs, urls }, environment);
  }

  /** An invalidator of these pools. */
  async startInvalidator(pools: string, env: Record<string, string> = {}): Promise<RunningApp> {
    return this.system.startInvalidator({
      env: { ...this.#environment, POOLS: pools, REFRESH: "on", ...env },
    });
  }

  /** Resolves once every change so far of both services is published and invalidated in every pool. */
  async untilQuiet(timeoutMs = 120_000): Promise<void> {
    const { system, teamDatabaseUrl } = this;
    const group = (pool: string) => system.groups.profiles.replace(/profiles$/, pool);
    const read: [string, string][] = [
      [group("profiles"), system.topic],
      [group("teams"), system.topic],
      [group("teams"), teamsTopic],
      [group("search"), system.topic],
      [group("search"), teamsTopic],
    ];
    const outboxesAreEmpty = async () => {
      const waiting = [system.databaseUrl, teamDatabaseUrl].map(async (url) => {
        const { rowCount } = await query(url, "SELECT FROM outbox_events LIMIT 1");
        return rowCount === 0;
      });
      return !(await Promise.all(waiting)).includes(false);
    };
    const bounds = { timeoutMs, intervalMs: 200 };
    await waitUntil("the outboxes to be empty", outboxesAreEmpty, bounds);
    await kafkaAdmin([...system.brokers], async (admin) => {
      // Others go on to publish to these topics: what they add from here on is not waited for.
      const ends = new Map(
        await Promise.all(
          [system.topic, teamsTopic].map(
            async (topic) => [topic, await admin.fetchTopicOffsets(topic)] as const,
          ),
        ),
      );
      const isBehind = async ([groupId, topic]: (typeof read)[number]) => {
        const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
        const committed = new Map(offsets?.partitions.map((one) => [one.partition, Number(one.offset)]));
        return ends
          .get(topic)
          ?.some(({ partition, high }) => (committed.get(partition) ?? -1) < Number(high));
      };
      await waitUntil(
        "every group to have read the topics",
        async () => !(await Promise.all(read.map(isBehind))).includes(true),
        bounds,
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system[Symbol.asyncDispose]();
    for (const log of this.logs) await log[Symbol.asyncDispose]();
  }
}

/** A folder with the manifests of all three services, changed by `change`. */
export function manifestsFolder(change = (manifest: string): string => manifest): string {
  const folder = mkdtempSync(join(ownDir(), "manifests-"));
  for (const path of [
    "deploy/manifests/profile-service.yaml",
    "examples/team-service/manifests/team-service.yaml",
    "examples/team-service/search-manifests/search-reader.yaml",
  ]) {
    const manifest = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
    writeFileSync(join(folder, basename(path)), change(manifest));
  }
  const pool = '{ nodes: ["127.0.0.1:1"], dedicated: true }'; // the environment says where they are
  writeFileSync(
    join(folder, "pools.yaml"),
    `freshet: 1\npools:\n  profiles: ${pool}\n  teams: ${pool}\n  search: ${pool}\n`,
  );
  return folder;
}

async function startExample(entry: string, env: Record<string, string>): Promise<string> {
  const process = appProcess("team-service", {
    entry: fileURLToPath(new URL(entry, examples)),
    env: { PATH: globalThis.process.env.PATH, ...env },
    port: await freePort(),
    logDir: ownDir(),
  });
  return `http://${(await startOwn(process)).address}`;
}

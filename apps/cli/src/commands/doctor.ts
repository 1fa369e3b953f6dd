import { existsSync } from "node:fs";
import { type Environment, readManifestsFolder, serviceUrls } from "@freshet/config";
import type { Pools } from "@freshet/contracts";
import { type DependencyGraph } from "@freshet/dependency-graph";
import type { Command } from "commander";
import { databaseUrl, type KafkaAccess, kafkaAccess, manifestsFolder } from "../config.ts";
import { checked, type Finding, ok, warning } from "../doctor/finding.ts";
import { examineKafka } from "../doctor/kafka.ts";
import { askNode, judgeNode } from "../doctor/memcached.ts";
import {
  committedTopologies,
  judgeTopologies,
  judgeVariables,
  listsOf,
  type SeenTopology,
} from "../doctor/node-lists.ts";
import { askDatabase, judgeDatabase, noDatabaseNamed } from "../doctor/postgres.ts";
import { doctorReport } from "../doctor/report.ts";
import { askOwner, askService, judgeOwners, judgeService, topologiesOf } from "../doctor/services.ts";
import type { TopicWish } from "../doctor/topics.ts";
import { judgeNodeVersion } from "../doctor/versions.ts";
import { loadGraph } from "../manifests.ts";
import {
  baseUrl,
  count,
  jsonOption,
  type JsonOption,
  kafkaOptions,
  type KafkaOptions,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";
import { topicSpecs } from "../topics-report.ts";

interface DoctorOptions extends JsonOption, KafkaOptions, ManifestsOption {
  readonly deployment?: string;
  readonly partitions?: number;
  readonly service?: readonly string[];
}

/** Where `npm start` puts an invalidator and the internal port of profile-service. */
const localServices = ["http://127.0.0.1:3001", "http://127.0.0.1:3100"];

/** `freshet doctor`: whether everything is as Freshet needs it, and what to mend. */
export function addDoctor(program: Command, session: Session, version: string): void {
  const command = session.command(
    program,
    "doctor",
    "Whether everything is as Freshet needs it: servers, topics, groups, node lists, clocks; and what to mend",
    [
      ["doctor", "the system of `npm start`"],
      ["doctor --service http://inv-0:3001 http://profiles:3100", "what these say of themselves, too"],
      ["doctor --json", "for machines; exit code 1 when there is a problem"],
    ],
  );
  kafkaOptions(command, 5)
    .option("--deployment <name>", "whose groups: freshet.<name>.<pool> (default: DEPLOYMENT, or local)")
    .option("--partitions <n>", "partitions that each topic is to have (default: 12)", count)
    .option(
      "--service <url...>",
      "operator's ports: an invalidator's 3001, a service's internal 3100",
      (url: string, before: readonly string[] | undefined) => [...(before ?? []), baseUrl(url)],
    )
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async () => {
      const options = command.opts<DoctorOptions>();
      const access = kafkaAccess(session.io.environment, options);
      const findings = await examine(session, options, access, version);
      session.report(doctorReport(findings, access.deployment, Date.now()), options.json);
    });
}

/** All checks, each bounded in time; none hides another. */
async function examine(
  session: Session,
  options: DoctorOptions,
  access: KafkaAccess,
  version: string,
): Promise<readonly Finding[]> {
  const { environment, signal } = session.io;
  const timeoutMs = options.timeout * 1_000;
  const bound = () => AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { findings: ofManifests, graph, pools } = await examineManifests(environment, options.manifests);
  const lists: ReturnType<typeof listsOf> = [];
  const ofLists = await checked("node lists", "", () => {
    lists.push(...listsOf(pools, environment));
    return judgeVariables(pools, environment);
  });
  const urlOf = serviceUrls(environment);
  const owners = [...new Set((graph?.views ?? []).map(({ service }) => service))];
  const topologies: SeenTopology[] = [];
  const { named, urls } = servicesOf(environment, options);
  const [kafka, nodes, databases, services, addresses] = await Promise.all([
    examineKafka(
      session,
      access,
      timeoutMs,
      graph,
      graph === undefined ? [] : wishesOf(graph, options.partitions),
    ),
    Promise.all(
      lists.flatMap((list) =>
        [...list.nodes, ...list.former].map((node) =>
          checked("memcached", `${node} (pool ${list.pool})`, async () =>
            judgeNode(node, await askNode(node, timeoutMs), list),
          ),
        ),
      ),
    ),
    examineDatabase(environment, timeoutMs),
    Promise.all(
      urls.map((url) =>
        checked("service", url, async () => {
          const facts = await askService(url, bound());
          topologies.push(...topologiesOf(facts));
          return judgeService(facts, graph);
        }),
      ),
    ),
    Promise.all(
      owners.flatMap((service) => {
        const url = urlOf(service);
        return url === undefined ? [] : [askOwner(service, url, bound())];
      }),
    ),
  ]);
  return [
    judgeNodeVersion(process.version, version),
    ...ofManifests,
    ...kafka.findings,
    ...nodes.flat(),
    ...databases,
    ...services.flat().map((finding) => (named ? finding : onlyWarned(finding))),
    ...(graph === undefined ? [] : judgeOwners(graph, urlOf)),
    ...addresses,
    ...ofLists,
    ...judgeTopologies(lists, [...committedTopologies(kafka.pools), ...topologies]),
  ];
}

async function examineManifests(
  environment: Environment,
  given: string | undefined,
): Promise<{ findings: readonly Finding[]; graph: DependencyGraph | undefined; pools: Pools }> {
  const { folder, named } = manifestsFolder(environment, given);
  if (!named && !existsSync(folder))
    return {
      findings: [
        warning(
          "manifests",
          folder,
          "there is no such folder: topics, nodes and views can't be compared with it",
          "name it with --manifests or MANIFESTS_DIR",
        ),
      ],
      graph: undefined,
      pools: {},
    };
  let graph: DependencyGraph | undefined;
  let pools: Pools = {};
  const findings = await checked("manifests", folder, async () => {
    const loaded = await loadGraph(folder);
    graph = loaded;
    ({ pools } = await readManifestsFolder(folder));
    return [ok("manifests", folder, `${loaded.events.length} events, ${loaded.views.length} views`)];
  });
  return { findings, graph, pools };
}

function wishesOf(graph: DependencyGraph, partitions: number | undefined): TopicWish[] {
  return topicSpecs(graph, { partitions }).map((spec) => ({
    spec,
    longestHardTtlSeconds: Math.max(
      0,
      ...graph.pools
        .map((name) => graph.pool(name))
        .filter(({ topics }) => topics.includes(spec.topic))
        .map(({ longestHardTtlSeconds }) => longestHardTtlSeconds),
    ),
    partitionsNamed: partitions !== undefined,
  }));
}

async function examineDatabase(environment: Environment, timeoutMs: number): Promise<readonly Finding[]> {
  const url = databaseUrl(environment);
  if (url === undefined) return [noDatabaseNamed];
  const of = URL.canParse(url) ? new URL(url).host : "";
  return await checked("PostgreSQL", of, async () => judgeDatabase(of, await askDatabase(url, timeoutMs)));
}

/** What was named; else, where nobody said where Kafka is either, what `npm start` has. */
function servicesOf(
  environment: Environment,
  options: DoctorOptions,
): { named: boolean; urls: readonly string[] } {
  if (options.service !== undefined) return { named: true, urls: options.service };
  const local = options.brokers === undefined && (environment["KAFKA_BROKERS"] ?? "") === "";
  return { named: false, urls: local ? localServices : [] };
}

/** Nobody said that there is a service at the addresses of `npm start`. */
function onlyWarned(finding: Finding): Finding {
  return finding.level === "problem" && finding.check === "service"
    ? { ...finding, level: "warning", mend: `${finding.mend ?? ""} Name others with --service.` }
    : finding;
}

import { poolNodes, readManifestsFolder, serviceUrls } from "@freshet/config";
import { compile } from "@freshet/dependency-graph";
import { explainKey, type Explanation } from "@freshet/inspect";
import type { Command } from "commander";
import { internalToken, kafkaAccess, manifestsFolder } from "../config.ts";
import { withKafka } from "../kafka.ts";
import {
  jsonOption,
  type JsonOption,
  kafkaOptions,
  type KafkaOptions,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";
import type { Terminal } from "../terminal.ts";

interface ExplainOptions extends JsonOption, KafkaOptions, ManifestsOption {
  readonly deployment?: string;
  readonly pool?: string;
}

/** `freshet explain`: why a reader gets what it gets for one key. */
export function addExplain(program: Command, session: Session): void {
  const command = session.command(program, "explain", "Why a reader gets for this key what it gets", [
    ["explain user_profile:42", "what is cached, what was committed, and which step is late"],
    ["explain user_profile:42 --json", "for machines; exit code 1 when it is stale or nobody can say"],
  ]);
  kafkaOptions(command.argument("<key>", "as memcached has it"))
    .option("--deployment <name>", "whose groups: freshet.<name>.<pool> (default: DEPLOYMENT, or local)")
    .option("--pool <name>", "where several pools have such keys")
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async (key: string) => {
      const options = command.opts<ExplainOptions>();
      const { environment } = session.io;
      const access = kafkaAccess(environment, options);
      const { sources, pools } = await readManifestsFolder(
        manifestsFolder(environment, options.manifests).folder,
      );
      const [nodesOf, urlOf] = [poolNodes(environment), serviceUrls(environment)];
      const timeoutMs = options.timeout * 1_000;
      const explanation = await withKafka(access, timeoutMs, ({ admin, reader }) =>
        explainKey(
          {
            graph: compile(sources, pools),
            pool: (name) => {
              const settings = pools[name];
              const { nodes } = nodesOf(name);
              return settings && nodes !== undefined ? { ...settings, nodes: nodes.split(",") } : settings;
            },
            deployment: access.deployment,
            owner: (service) => {
              const url = urlOf(service);
              return url === undefined ? undefined : { url, token: internalToken(environment) };
            },
            admin,
            reader,
            timeoutMs: Math.min(timeoutMs, 5_000),
          },
          key,
          options.pool,
        ),
      );
      session.report(
        {
          data: explanation,
          problem: explanation.verdict === "stale" || explanation.verdict === "unknown",
          print: (out) => {
            print(out, explanation);
          },
        },
        options.json,
      );
    });
}

function print(
  out: Terminal,
  { key, view, pool, node, verdict, sentence, cached, owner, ...rest }: Explanation,
) {
  const bad = verdict === "stale" || verdict === "unknown";
  out.line({ text: key, style: "bold" }, ": ", { text: sentence, style: bad ? "red" : "green" });
  out.line(`view ${view}, pool ${pool}, node ${node}`);
  if (cached !== null) {
    const life = cached.expiresInSeconds === null ? "for ever" : `for another ${cached.expiresInSeconds} s`;
    out.line(`cached ${life}: ${versionsText(cached.versions)}`);
    for (const { tag, isCurrent } of cached.tags) out.line(`  tag ${tag}: ${isCurrent ? "current" : "gone"}`);
  }
  if (owner !== null) {
    const data = owner.sameData === null ? "" : owner.sameData ? ", the same data" : ", other data";
    out.line(`committed: ${versionsText(owner.versions)}${data}`);
  }
  for (const text of rest.unanswered) out.line({ text: "note: ", style: "dim" }, text);
  if (rest.events.length === 0) return;
  out.line();
  out.table(
    [{ title: "EVENT" }, { title: "AT" }, { title: "WHAT" }, { title: "INVALIDATED" }],
    rest.events.map((at) => [
      `${at.topic}/${at.partition}@${at.offset}`,
      at.at,
      `${at.entity} ${at.version} ${at.change}${at.changedFields === null ? "" : `: ${at.changedFields.join(", ")}`}`,
      at.isOwed
        ? { text: "owed by the node", style: "red" }
        : at.isCommitted
          ? "yes"
          : { text: "not yet", style: "yellow" },
    ]),
  );
}

function versionsText(versions: Readonly<Record<string, number>>): string {
  const entries = Object.entries(versions).map(([entity, version]) => `${entity} at ${version}`);
  return entries.length === 0 ? "no row" : entries.join(", ");
}

import type { DependencyGraph } from "@freshet/dependency-graph";
import type { TopicResult, TopicSpec } from "@freshet/kafka";
import { topicsOf } from "./manifests.ts";
import type { Report } from "./session.ts";
import type { Style } from "./terminal.ts";

const dayMs = 86_400_000;

/** What the operator says of the topics; the rest is the library's default. */
export interface TopicWishes {
  readonly partitions?: number | undefined;
  readonly replicationFactor?: number | undefined;
  readonly retentionDays?: number | undefined;
}

/**
 * How the topics of these manifests have to be. Retention is 7 days, or a day more than the longest hard TTL of the
 * pools that read the topic: an event that is deleted unread while a value lives is a gap. Pure.
 */
export function topicSpecs(graph: DependencyGraph, wishes: TopicWishes): TopicSpec[] {
  const { partitions, replicationFactor, retentionDays } = wishes;
  return topicsOf(graph).map((topic) => {
    const readers = graph.pools.map((name) => graph.pool(name)).filter((pool) => pool.topics.includes(topic));
    const hardTtlMs = readers.reduce((most, pool) => Math.max(most, pool.longestHardTtlSeconds * 1_000), 0);
    const retentionMs = Math.max(7 * dayMs, Math.ceil(hardTtlMs / dayMs + 1) * dayMs);
    return {
      topic,
      retentionMs: retentionDays === undefined ? retentionMs : retentionDays * dayMs,
      ...(partitions === undefined ? {} : { partitions }),
      ...(replicationFactor === undefined ? {} : { replicationFactor }),
    };
  });
}

const told: Readonly<Record<TopicResult["action"], { dry: string; done: string; style: Style }>> = {
  create: { dry: "missing", done: "created", style: "yellow" },
  change_needed: { dry: "differs", done: "differs", style: "red" },
  ok: { dry: "ok", done: "ok", style: "green" },
};

/** What was done, or would be. A topic that differs is a problem, in a dry run also one that is missing. Pure. */
export function topicsReport(results: readonly TopicResult[], dryRun: boolean): Report {
  const differing = results.some(({ action }) => action === "change_needed");
  const missing = results.some(({ action }) => action === "create");
  const topics = results.map(({ topic, action, differences }) => ({
    topic,
    state: told[action][dryRun ? "dry" : "done"],
    differences,
  }));
  return {
    data: { dryRun, topics },
    problem: differing || (dryRun && missing),
    print(out) {
      out.table(
        [{ title: "TOPIC" }, { title: "STATE" }, { title: "IS → SHOULD BE" }],
        results.map(({ topic, action, differences }) => [
          topic,
          { text: told[action][dryRun ? "dry" : "done"], style: told[action].style },
          differences.join("; "),
        ]),
      );
      if (differing)
        out.line(
          "Nothing that exists is altered: more partitions move keys, a shorter retention deletes events. " +
            "Change it with Kafka's own tools, or say what you want (--partitions, --retention-days).",
        );
      if (dryRun && missing) out.line("Nothing was created: that was a dry run.");
    },
  };
}

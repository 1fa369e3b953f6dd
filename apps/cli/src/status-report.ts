import { lagVerdicts } from "@freshet/kafka";
import { z } from "zod";
import { verdictSegment } from "./lag-report.ts";
import { behind, counted, pausedProblem, printProblems, type Problem } from "./problem.ts";
import type { Report } from "./session.ts";
import type { Segment, Terminal } from "./terminal.ts";

const poolStatus = z.looseObject({
  pool: z.string(),
  group: z.string(),
  state: z.string(),
  lagMessages: z.number(),
  lagSeconds: z.number(),
  // An invalidator of an earlier version can't be paused.
  pausedSince: z.string().nullish(),
  partitions: z.array(
    z.looseObject({
      topic: z.string(),
      partition: z.number(),
      phase: z.string(),
      done: z.string(),
      high: z.string(),
      lagMessages: z.number(),
      lagSeconds: z.number(),
      failures: z.number(),
    }),
  ),
  // An invalidator of an earlier version does not tell.
  wholeGroup: z
    .looseObject({
      state: z.string(),
      members: z.number(),
      lagMessages: z.number(),
      verdict: z.enum(lagVerdicts).nullable(),
    })
    .nullish(),
  nodes: z.array(
    z.looseObject({
      node: z.string(),
      state: z.string(),
      missed: z.record(z.string(), z.string()),
      // An invalidator of an earlier version does not tell.
      unreadable: z.array(z.string()).default([]),
      catchUp: z.looseObject({ done: z.number(), left: z.number() }).nullish(),
    }),
  ),
  gaps: z.array(
    z.looseObject({
      topic: z.string(),
      partition: z.number(),
      reason: z.string(),
      since: z.string(),
      flushed: z.boolean(),
    }),
  ),
  // An invalidator of an earlier version does not tell.
  deadLetters: z
    .array(z.looseObject({ topic: z.string(), reason: z.string(), count: z.number() }))
    .default([]),
});

/** What `freshet status` reads of `GET /status`; what it does not know it passes on with --json. */
export const statusSchema = z.looseObject({
  // Neither does one of an earlier version tell of its manifests.
  manifests: z
    .looseObject({
      hash: z.string(),
      refused: z.looseObject({ message: z.string(), since: z.string() }).nullable(),
    })
    .optional(),
  pools: z.array(poolStatus),
});

/** `GET /health/ready`. */
export const readinessSchema = z.looseObject({
  status: z.string(),
  checks: z.record(z.string(), z.looseObject({ ok: z.boolean(), detail: z.string().optional() })),
});

type PoolStatus = z.infer<typeof poolStatus>;
type Readiness = z.infer<typeof readinessSchema>;

const ttl = "values may be old until their hard TTL has passed";

/** How one replica of the invalidator stands, and what to do about what is wrong. Pure. */
export function statusReport(
  url: string,
  status: z.infer<typeof statusSchema>,
  readiness: Readiness,
): Report {
  const problems = status.pools.flatMap(statusProblems);
  const ready = readiness.status === "ok";
  const { manifests } = status;
  const refused = manifests?.refused ?? undefined;
  const failing = Object.entries(readiness.checks).filter(([, { ok }]) => !ok);
  return {
    data: { url, status, readiness, problems },
    problem: !ready || refused !== undefined || problems.length > 0,
    print(out) {
      out.line(
        { text: `invalidator ${url}`, style: "bold" },
        ": ",
        ready ? { text: "ready", style: "green" } : { text: "not ready", style: "red" },
      );
      for (const [name, { detail }] of failing) out.line(`  ${name}: ${detail ?? "fails"}`);
      if (manifests !== undefined) out.line(`manifests ${manifests.hash}`);
      if (refused !== undefined) {
        out.line(
          { text: "problem ", style: "red" },
          `changed manifests are refused since ${refused.since}, those before them stay in force; see with`,
          " `freshet manifests check` that the folder is right:",
        );
        out.text(refused.message);
      }
      for (const pool of status.pools) printPool(out, pool);
      if (status.pools.length === 0) out.line("It serves no pool: see POOLS and its manifests.");
      printProblems(out, problems);
    },
  };
}

/** What is wrong in one pool of a replica. Pure. */
export function statusProblems({
  pool,
  group,
  state,
  partitions,
  wholeGroup,
  nodes,
  gaps,
  pausedSince,
}: PoolStatus): Problem[] {
  const problems: Problem[] = [];
  const add = (problem: string, mend: string) => problems.push({ pool, problem, mend });
  if (pausedSince) problems.push(pausedProblem(pool, pausedSince));
  if (state === "crashed")
    add(`the consumer of ${group} has given up`, "see the invalidator's log, then restart it");
  else if (state !== "running")
    add(`the consumer of ${group} is ${state}`, "see whether Kafka answers; it goes on by itself");
  for (const { topic, partition, failures } of partitions)
    if (failures > 0)
      add(
        `${topic}/${partition} has failed ${counted(failures, "time")} in a row`,
        "see the invalidator's log; it is tried again and nothing is lost",
      );
  const verdict = wholeGroup?.verdict ?? "ok";
  if (verdict !== "ok")
    add(`the whole group ${group} is ${verdict}`, `see which partitions with \`freshet lag --pool ${pool}\``);
  for (const { node, state: nodeState, missed, unreadable, catchUp } of nodes) {
    if (nodeState === "catching-up")
      add(
        `${node} is caught up${catchUp ? `, ${counted(catchUp.left, "event")} to go` : ""}`,
        "nothing: wait",
      );
    else if (nodeState !== "up")
      add(`${node} is ${nodeState}`, "see whether memcached answers there; its deletions are owed, not lost");
    const where = (owed: readonly string[]) => owed.map((name) => `${name} since ${missed[name]}`).join(", ");
    const owed = Object.keys(missed).filter((name) => !unreadable.includes(name));
    if (nodeState === "up" && owed.length > 0)
      add(`${node} has missed deletions (${where(owed)})`, "nothing: it is caught up within seconds");
    if (unreadable.length > 0)
      add(
        `${node} has missed deletions that can't be replayed any more (${where(unreadable)}): ${ttl}`,
        `\`freshet repair\` or, in a dedicated pool, \`freshet flush --pool ${pool}\`; then \`freshet settle\``,
      );
  }
  for (const { topic, partition, reason, since, flushed } of gaps)
    if (!flushed)
      add(
        `gap in ${topic}/${partition} (${reason}) since ${since}: ${ttl}`,
        `\`freshet repair\` or, in a dedicated pool, \`freshet flush --pool ${pool}\`; else wait for the hard TTL, then \`freshet settle\``,
      );
  return problems;
}

function printPool(
  out: Terminal,
  { pool, group, state, pausedSince, lagMessages, lagSeconds, partitions, wholeGroup, ...rest }: PoolStatus,
): void {
  out.line();
  out.line(
    { text: `pool ${pool}`, style: "bold" },
    ` (${group}): `,
    pausedSince
      ? { text: `paused since ${pausedSince}`, style: "red" }
      : { text: state, style: state === "running" ? "green" : "red" },
    `, ${behind(lagMessages, lagSeconds)}`,
  );
  if (wholeGroup)
    out.line(
      `the whole group: ${counted(wholeGroup.members, "member")}, `,
      `${counted(wholeGroup.lagMessages, "message")} behind, verdict `,
      verdictSegment(wholeGroup.verdict),
    );
  out.table(
    [
      { title: "TOPIC" },
      { title: "PARTITION", align: "right" },
      { title: "PHASE" },
      { title: "DONE", align: "right" },
      { title: "END", align: "right" },
      { title: "MESSAGES", align: "right" },
      { title: "SECONDS", align: "right" },
      { title: "FAILURES", align: "right" },
    ],
    inOrder(partitions).map((at) => [
      at.topic,
      String(at.partition),
      at.phase,
      at.done,
      at.high,
      highlighted(at.lagMessages),
      highlighted(Math.round(at.lagSeconds * 10) / 10),
      highlighted(at.failures),
    ]),
  );
  out.line();
  out.table(
    [{ title: "NODE" }, { title: "STATE" }, { title: "MISSED SINCE" }],
    rest.nodes.map(({ node, state: nodeState, missed, catchUp }) => [
      node,
      {
        text: catchUp ? `${nodeState}, ${counted(catchUp.left, "event")} to go` : nodeState,
        style: nodeState === "up" ? "green" : nodeState === "catching-up" ? "yellow" : "red",
      },
      Object.entries(missed)
        .map(([partition, offset]) => `${partition}@${offset}`)
        .join(" "),
    ]),
  );
  if (rest.gaps.length > 0) {
    out.line();
    out.table(
      [{ title: "GAP" }, { title: "REASON" }, { title: "SINCE" }, { title: "FLUSHED" }],
      rest.gaps.map(({ topic, partition, reason, since, flushed }) => [
        `${topic}/${partition}`,
        reason,
        since,
        flushed ? "yes" : "no",
      ]),
    );
  }
  for (const { topic, reason, count } of rest.deadLetters)
    out.line(
      { text: `${counted(count, "dead letter")} `, style: "yellow" },
      `of ${topic} (${reason}) since it started: freshet dlt list --where topic=${topic}`,
    );
}

function highlighted(value: number): Segment {
  return value === 0 ? "0" : { text: String(value), style: "yellow" };
}

function inOrder(partitions: PoolStatus["partitions"]): PoolStatus["partitions"] {
  return [...partitions].sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
}

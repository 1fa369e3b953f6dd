import {
  type GroupDescription,
  type GroupPartitionLag,
  type LagVerdict,
  lagVerdicts,
  worstVerdict,
} from "@freshet/kafka";
import type { Report } from "./session.ts";
import { behind, counted, pausedProblem, printProblems, type Problem, seconds } from "./problem.ts";
import type { Segment, Terminal } from "./terminal.ts";

/** What the broker said of one partition, and what that makes of the looks before. */
type PartitionFacts = GroupPartitionLag & {
  readonly oldestMs: number | undefined;
  readonly verdict: LagVerdict | undefined;
};

/** What the broker said of one pool's group. */
export interface PoolFacts {
  readonly pool: string;
  readonly group: GroupDescription;
  readonly partitions: readonly PartitionFacts[];
  /** Topics of the pool's views that the broker does not have. */
  readonly missingTopics: readonly string[];
  /** Since when an operator has it paused; undefined: it is not. */
  readonly pausedSinceMs?: number | undefined;
}

/** One partition, as docs/cli.md says it. Offsets are strings: they outgrow a number. */
interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  readonly committed: string | null;
  readonly end: string;
  readonly lagMessages: number;
  /** null: messages wait, and the oldest of them could not be read. */
  readonly lagSeconds: number | null;
  /** null: too early to say. */
  readonly verdict: LagVerdict | null;
  readonly member: string | null;
  /** Node → oldest offset that it missed; "*": every node. */
  readonly missed: Readonly<Record<string, string>> | "*";
}

interface PoolLag {
  readonly pool: string;
  readonly group: string;
  readonly state: string;
  /** null: it is not paused. */
  readonly pausedSince: string | null;
  readonly members: readonly {
    readonly memberId: string;
    readonly clientId: string;
    readonly host: string;
  }[];
  readonly lagMessages: number;
  readonly lagSeconds: number | null;
  /** The worst of its partitions. */
  readonly verdict: LagVerdict | null;
  readonly partitions: readonly PartitionLag[];
}

/** The lag of every pool at one moment, and what is wrong. Pure. */
export function lagReport(
  facts: readonly PoolFacts[],
  {
    nowMs,
    maxSeconds,
    ...about
  }: { deployment: string; brokers: string; nowMs: number; maxSeconds?: number | undefined },
): Report {
  const pools = facts.map((of) => poolLag(of, nowMs));
  const problems = facts.flatMap((of, index) => {
    const lag = pools[index]?.lagSeconds ?? 0;
    return [
      ...problemsOf(of),
      ...(maxSeconds !== undefined && lag > maxSeconds
        ? [
            {
              pool: of.pool,
              problem: `${seconds(lag)} behind, at most ${seconds(maxSeconds)} are allowed`,
              mend: "see with `freshet status` what holds it up",
            },
          ]
        : []),
    ];
  });
  return {
    data: { ...about, at: new Date(nowMs).toISOString(), pools, problems },
    problem: problems.length > 0,
    print(out) {
      for (const pool of pools) printPool(out, pool);
      printProblems(out, problems);
    },
  };
}

export function poolLag({ pool, group, partitions, pausedSinceMs }: PoolFacts, nowMs: number): PoolLag {
  const rows = partitions.map((at): PartitionLag => {
    const owner = group.members.find((member) =>
      member.partitions.some(({ topic, partition }) => topic === at.topic && partition === at.partition),
    );
    const waiting = at.oldestMs === undefined ? null : Math.max(0, nowMs - at.oldestMs) / 1_000;
    return {
      topic: at.topic,
      partition: at.partition,
      committed: at.committed?.toString() ?? null,
      end: at.high.toString(),
      lagMessages: Number(at.lag),
      lagSeconds: at.lag === 0n ? 0 : waiting,
      verdict: at.verdict ?? null,
      member: owner?.memberId ?? null,
      missed: missedOf(at),
    };
  });
  const ages = rows.map(({ lagSeconds }) => lagSeconds);
  return {
    pool,
    group: group.groupId,
    state: group.state,
    pausedSince: pausedSinceMs === undefined ? null : new Date(pausedSinceMs).toISOString(),
    members: group.members.map(({ memberId, clientId, host }) => ({ memberId, clientId, host })),
    lagMessages: rows.reduce((sum, { lagMessages }) => sum + lagMessages, 0),
    lagSeconds: ages.includes(null) ? null : Math.max(0, ...ages.map(Number)),
    verdict: worstVerdict(partitions.map(({ verdict }) => verdict)) ?? null,
    partitions: rows,
  };
}

function missedOf({ metadata }: GroupPartitionLag): PartitionLag["missed"] {
  const missed = metadata?.miss ?? {};
  if (missed === "*") return missed;
  return Object.fromEntries(Object.entries(missed).map(([node, offset]) => [node, offset.toString()]));
}

export function problemsOf({ pool, group, partitions, missingTopics, pausedSinceMs }: PoolFacts): Problem[] {
  const problems: Problem[] = missingTopics.map((topic) => ({
    pool,
    problem: `there is no topic ${topic}`,
    mend: "create it with `freshet topics ensure`",
  }));
  if (pausedSinceMs !== undefined) problems.push(pausedProblem(pool, new Date(pausedSinceMs).toISOString()));
  if (group.members.length === 0)
    problems.push({
      pool,
      problem: `nobody reads for ${group.groupId} (${group.state})`,
      mend: "start an invalidator that serves this pool, and see its log when it does not stay",
    });
  const missed = new Map<string, string[]>();
  problems.push(...verdictProblems(pool, partitions));
  for (const at of partitions) {
    const marks = missedOf(at);
    const name = `${at.topic}/${at.partition}`;
    for (const [node, offset] of marks === "*"
      ? [["every node", "an unknown offset"] as const]
      : Object.entries(marks))
      missed.set(node, [...(missed.get(node) ?? []), `${name} since ${offset}`]);
    problems.push(...positionProblem(pool, name, at));
  }
  for (const [node, where] of missed)
    problems.push({
      pool,
      problem: `${node} has missed deletions (${where.join(", ")})`,
      mend: "it is caught up when it answers again: `freshet status` says how far it is",
    });
  return problems;
}

const verdictMeanings = {
  warning: ["gets slower than its topic", "see with `freshet status` what holds it up, or add a replica"],
  rewound: ["was set back and reads again", "see who moved the group; to invalidate again is harmless"],
  stalled: ["does not move while messages wait", "see the log of the member that reads it"],
  stopped: ["is read by nobody while messages wait", "start an invalidator that serves this pool"],
} as const;

/** What the verdicts say, one problem for all partitions of one kind. */
function verdictProblems(pool: string, partitions: readonly PartitionFacts[]): Problem[] {
  return lagVerdicts.flatMap((verdict) => {
    const found = partitions.filter((at) => at.verdict === verdict);
    if (verdict === "ok" || found.length === 0) return [];
    const [what, mend] = verdictMeanings[verdict];
    const names = found.map(({ topic, partition }) => `${topic}/${partition}`).join(", ");
    return [{ pool, problem: `${verdict}: ${names} ${what}`, mend }];
  });
}

/** What the position guard will find when the partition is read next. */
function positionProblem(pool: string, name: string, at: GroupPartitionLag): Problem[] {
  const { committed, low, high, metadata } = at;
  if (committed === undefined) return [];
  const gap = "an invalidator takes it for a gap: its log and `freshet status` say whether values may be old";
  if (committed > high)
    return [
      {
        pool,
        problem: `${name} ends at ${high}, before the committed ${committed}: the topic was made again`,
        mend: gap,
      },
    ];
  if (committed < low)
    return [
      {
        pool,
        problem: `${name} begins at ${low}: records from ${committed} on were deleted unread`,
        mend: gap,
      },
    ];
  if (metadata === undefined)
    return [{ pool, problem: `somebody else committed ${committed} for ${name}`, mend: gap }];
  return [];
}

function printPool(
  out: Terminal,
  { pool, group, state, pausedSince, members, lagMessages, lagSeconds, partitions }: PoolLag,
): void {
  out.line(
    { text: `pool ${pool}`, style: "bold" },
    ...(pausedSince === null ? [] : [": ", { text: `paused since ${pausedSince}`, style: "red" } as const]),
    `${pausedSince === null ? ":" : ","} ${behind(lagMessages, lagSeconds)} (${group}, ${state}, ${counted(members.length, "member")})`,
  );
  const nameOf = (id: string | null): Segment => {
    const member = members.find(({ memberId }) => memberId === id);
    return member === undefined ? { text: "nobody", style: "yellow" } : `${member.clientId}@${member.host}`;
  };
  out.table(
    [
      { title: "TOPIC" },
      { title: "PARTITION", align: "right" },
      { title: "COMMITTED", align: "right" },
      { title: "END", align: "right" },
      { title: "MESSAGES", align: "right" },
      { title: "SECONDS", align: "right" },
      { title: "VERDICT" },
      { title: "MEMBER" },
      { title: "MISSED BY" },
    ],
    partitions.map((at) => [
      at.topic,
      String(at.partition),
      at.committed ?? "none",
      at.end,
      highlighted(at.lagMessages),
      at.lagSeconds === null
        ? { text: "?", style: "yellow" }
        : highlighted(Math.round(at.lagSeconds * 10) / 10),
      verdictSegment(at.verdict),
      nameOf(at.member),
      at.missed === "*"
        ? "every node"
        : Object.entries(at.missed)
            .map(([node, offset]) => `${node}@${offset}`)
            .join(" "),
    ]),
  );
}

function highlighted(value: number): Segment {
  return value === 0 ? "0" : { text: String(value), style: "yellow" };
}

/** Coloured by how bad it is; `–` while it is too early to say. */
export function verdictSegment(verdict: LagVerdict | null): Segment {
  if (verdict === null) return "–";
  if (verdict === "ok") return { text: verdict, style: "green" };
  return { text: verdict, style: verdict === "warning" ? "yellow" : "red" };
}

import { type GroupLag, type GroupWatch, lagVerdicts, worstVerdict } from "@freshet/kafka";
import { z } from "zod";
import type { ManifestReload } from "../manifests/reload.ts";
import type { PoolPipeline } from "../pool-pipeline.ts";
import type { PoolPipelines } from "../pools.ts";

const offset = z.string().regex(/^\d+$/).describe("An offset: it outgrows a number");
const time = z.string().meta({ format: "date-time" });
const place = { topic: z.string(), partition: z.int().nonnegative() };
const lag = {
  lagMessages: z.int().nonnegative().describe("Messages not yet invalidated"),
  lagSeconds: z.number().nonnegative().describe("Age of the oldest of them in seconds"),
};
const verdict = z
  .enum(lagVerdicts)
  .nullable()
  .describe("What the last ten looks say, 5 s apart; null: too early to say");
const missed = z
  .record(z.string(), offset)
  .describe("Partition → oldest offset whose deletions the node owes");

const partition = z.object({
  ...place,
  phase: z.enum(["guarding", "reading"]),
  done: offset.describe("First message not done"),
  high: offset.describe("End of the partition"),
  ...lag,
  failures: z.int().nonnegative().describe("Failed tries in a row of the batch in hand"),
});

const groupPartition = z.object({
  ...place,
  committed: offset.nullable().describe("null: nothing was committed yet"),
  high: offset,
  lagMessages: lag.lagMessages,
  verdict,
  member: z.string().nullable().describe("Who reads it; null: nobody"),
});

const group = z.object({
  at: time.describe("When the broker was asked"),
  state: z.string().describe("Kafka's word: Stable, Empty, PreparingRebalance, Dead"),
  members: z.int().nonnegative(),
  lagMessages: lag.lagMessages,
  verdict: verdict.describe("The worst of its partitions'"),
  partitions: z.array(groupPartition),
});

const pool = z.object({
  pool: z.string(),
  group: z.string(),
  state: z.enum(["idle", "joining", "running", "crashed", "closed"]),
  topics: z.array(z.string()),
  pausedSince: time.nullable().describe("An operator has paused it: its events wait; null: it is not paused"),
  ...lag,
  partitions: z.array(partition).describe("Those of this replica"),
  wholeGroup: group
    .nullable()
    .describe("Every partition, as the broker has it; null: it was not answered lately"),
  topology: z.string().describe("Hash of the node list: every reader and writer must have the same"),
  previousTopologies: z.array(z.string()).describe("Of the lists under which values may still live"),
  nodes: z.array(
    z.object({
      node: z.string(),
      state: z.enum(["up", "away", "catching-up"]),
      missed,
      unreadable: z
        .array(z.string())
        .describe(
          "Partitions of `missed` whose records are gone: nothing but a flush or the hard TTL settles them",
        ),
      catchUp: z
        .object({ done: z.int().nonnegative(), left: z.int().nonnegative() })
        .nullable()
        .describe("Events replayed and still to be replayed; null: none are"),
    }),
  ),
  gaps: z.array(z.object({ ...place, reason: z.string(), since: time, flushed: z.boolean() })),
  deadLetters: z
    .array(z.object({ topic: z.string(), reason: z.string(), count: z.int().positive() }))
    .describe("Events that this process has parked since it began"),
});

/** `GET /status`: how this replica stands, for people and scripts; docs/schemas/status.schema.json is made of it. */
export const invalidatorStatus = z.object({
  service: z.literal("invalidator"),
  manifests: z.object({
    hash: z.string().describe("Of the set in force: equal for equal files"),
    refused: z.object({ message: z.string(), since: time }).nullable(),
  }),
  pools: z.array(pool),
});

export type Status = z.infer<typeof invalidatorStatus>;

export function statusOf(
  pools: PoolPipelines,
  groups: GroupWatch,
  { hash, refusal }: ManifestReload,
): Status {
  const refused = refusal && { message: refusal.message, since: isoTime(refusal.sinceMs) };
  return {
    service: "invalidator",
    manifests: { hash, refused: refused ?? null },
    pools: pools.all.map((pipeline) => poolStatus(pipeline, groups.of(pipeline.consumer.groupId))),
  };
}

function poolStatus(
  { name, consumer, nodes, watch, missed: marks, report, pausedSinceMs }: PoolPipeline,
  groupLag: GroupLag | undefined,
): z.infer<typeof pool> {
  const partitions = consumer.partitions.map((status) => ({
    topic: status.topic,
    partition: status.partition,
    phase: status.phase,
    done: status.done.toString(),
    high: status.high.toString(),
    lagMessages: Number(status.offsetLag),
    lagSeconds: status.timeLagSeconds,
    failures: status.failures,
  }));
  return {
    pool: name,
    group: consumer.groupId,
    state: consumer.state,
    topics: [...consumer.topics],
    pausedSince: pausedSinceMs === undefined ? null : isoTime(pausedSinceMs),
    lagMessages: sumOfLags(partitions),
    lagSeconds: partitions.reduce((most, { lagSeconds }) => Math.max(most, lagSeconds), 0),
    partitions,
    wholeGroup: groupLag === undefined ? null : groupStatus(groupLag),
    topology: nodes.topologyHash,
    previousTopologies: [...nodes.previousTopologyHashes],
    nodes: nodes.nodes.map((node) => ({
      node,
      state: watch.stateOf(node),
      unreadable: watch.unreadableOf(node),
      catchUp: watch.progressOf(node) ?? null,
      missed: Object.fromEntries(
        marks.partitionsOf(node).map((owed) => [owed, String(marks.of(owed)[node])]),
      ),
    })),
    gaps: report.gaps.map(({ topic, partition, reason, sinceMs, flushed }) => ({
      topic,
      partition,
      reason,
      since: isoTime(sinceMs),
      flushed,
    })),
    deadLetters: [...report.deadLetters],
  };
}

function groupStatus({ group: { state, members }, atMs, partitions }: GroupLag): z.infer<typeof group> {
  const readers = new Map(
    members.flatMap(({ memberId, partitions: read }) =>
      read.map((at) => [`${at.topic}/${at.partition}`, memberId] as const),
    ),
  );
  const rows = partitions.map((at) => ({
    topic: at.topic,
    partition: at.partition,
    committed: at.committed?.toString() ?? null,
    high: at.high.toString(),
    lagMessages: Number(at.lag),
    verdict: at.verdict ?? null,
    member: readers.get(`${at.topic}/${at.partition}`) ?? null,
  }));
  return {
    at: isoTime(atMs),
    state,
    members: members.length,
    lagMessages: sumOfLags(rows),
    verdict: worstVerdict(partitions.map(({ verdict: of }) => of)) ?? null,
    partitions: rows,
  };
}

function sumOfLags(partitions: readonly { readonly lagMessages: number }[]): number {
  return partitions.reduce((sum, { lagMessages }) => sum + lagMessages, 0);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

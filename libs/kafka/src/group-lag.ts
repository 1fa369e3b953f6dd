import { type Admin, AssignerProtocol } from "kafkajs";
import { type CommitMetadata, decodeCommitMetadata } from "./offsets.ts";
import type { ReadPosition, RecordReader } from "./record-reader.ts";
import type { TopicPartition } from "./types.ts";

/** One partition of a group as the broker sees it: it stays true when the consumer is stalled or dead. */
export interface GroupPartitionLag extends TopicPartition {
  /** undefined: the group never committed here; everything in the log counts as lag. */
  readonly committed: bigint | undefined;
  /** Of that commit; undefined when it is missing or not ours. */
  readonly metadata: CommitMetadata | undefined;
  readonly low: bigint;
  readonly high: bigint;
  readonly lag: bigint;
}

/** Offset lag of a whole group through the admin client; rejects with kafkajs's error when the broker is away. */
export async function groupLag(
  admin: Pick<Admin, "fetchOffsets" | "fetchTopicOffsets">,
  groupId: string,
  topics: readonly string[],
): Promise<GroupPartitionLag[]> {
  // One after the other: a commit that is read after the end can lie behind it, as in a topic that was made again.
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] });
  const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  return topics.flatMap((topic, index) =>
    (ends[index] ?? []).map(({ partition, low, high }) => {
      const entry = committed
        .find((of) => of.topic === topic)
        ?.partitions.find((of) => of.partition === partition);
      const at = entry === undefined || BigInt(entry.offset) < 0n ? undefined : BigInt(entry.offset);
      const metadata = decodeCommitMetadata(entry?.metadata ?? null);
      const [first, end] = [BigInt(low), BigInt(high)];
      const from = firstNotDone({ committed: at, low: first });
      return {
        topic,
        partition,
        committed: at,
        metadata: at === undefined || metadata === "later_format" ? undefined : metadata,
        low: first,
        high: end,
        lag: end > from ? end - from : 0n,
      };
    }),
  );
}

/** The first record that the group has not done and still can: where its lag begins. */
function firstNotDone({ committed, low }: Pick<GroupPartitionLag, "committed" | "low">): bigint {
  return committed === undefined || committed < low ? low : committed;
}

/**
 * When the oldest record that each lagging partition waits for was appended, in ms, in the order of `lags`;
 * undefined where none waits, or where it could not be read within `timeoutMs`.
 */
export async function oldestWaitingMs(
  reader: Pick<RecordReader, "read">,
  lags: readonly GroupPartitionLag[],
  timeoutMs: number,
): Promise<(number | undefined)[]> {
  const deadlineMs = Date.now() + timeoutMs;
  const found = new Map<string, number>();
  const nameOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
  let open: ReadPosition[] = lags
    .filter(({ lag }) => lag > 0n)
    .map((at) => ({ topic: at.topic, partition: at.partition, offset: firstNotDone(at) }));
  // A broker may answer for some partitions only, so that its answer keeps its size; the first always brings a batch.
  while (open.length > 0 && Date.now() < deadlineMs) {
    const answers = await reader.read(open, { maxWaitMs: 250, maxBytesPerPartition: 64 * 1_024 });
    for (const answer of answers) {
      const oldest = answer.messages[0] ?? answer.unreadable;
      if (oldest !== undefined) found.set(nameOf(answer), Number(oldest.timestamp));
    }
    open = open.filter((at) => !found.has(nameOf(at)));
  }
  return lags.map((at) => found.get(nameOf(at)));
}

/** One process that reads for a group, and the partitions that it was given. */
export interface GroupMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  readonly partitions: readonly TopicPartition[];
}

/** A consumer group now. `state` is Kafka's word: Stable, Empty, PreparingRebalance, Dead (there is no such group). */
export interface GroupDescription {
  readonly groupId: string;
  readonly state: string;
  readonly members: readonly GroupMember[];
}

/** Who reads for these groups, in their order; rejects with kafkajs's error. */
export async function describeGroups(
  admin: Pick<Admin, "describeGroups">,
  groupIds: readonly string[],
): Promise<GroupDescription[]> {
  if (groupIds.length === 0) return [];
  const { groups } = await admin.describeGroups([...groupIds]);
  return groupIds.map((groupId) => {
    const group = groups.find((of) => of.groupId === groupId);
    return {
      groupId,
      state: group?.state ?? "Unknown",
      members: (group?.members ?? []).map(({ memberId, clientId, clientHost, memberAssignment }) => ({
        memberId,
        clientId,
        host: clientHost.replace(/^\//, ""),
        partitions: partitionsOf(memberAssignment),
      })),
    };
  });
}

/** Between two rebalances a member has no assignment: an empty buffer. */
function partitionsOf(assignment: Buffer): TopicPartition[] {
  if (assignment.length === 0) return [];
  const decoded = AssignerProtocol.MemberAssignment.decode(assignment)?.assignment ?? {};
  return Object.entries(decoded).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}

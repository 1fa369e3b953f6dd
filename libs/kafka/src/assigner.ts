import { type Assignment, AssignerProtocol, type Cluster, type PartitionAssigner } from "kafkajs";
import { KafkaJSProtocolError } from "./kafkajs-values.ts";

/** One member as the assignment sees it: what it subscribes to and what it held before this rebalance. */
export interface AssigneeMember {
  readonly memberId: string;
  readonly topics: readonly string[];
  readonly owned: Readonly<Record<string, readonly number[]>>;
}

const name = "freshet";
const version = 0;

interface Slot {
  readonly topic: string;
  readonly partition: number;
}

/**
 * Gives each partition to a member that subscribes to its topic: what a member owned it keeps, and no single move
 * would make the load more even. Pure and deterministic: the order of the members does not matter.
 */
export function assignPartitions(
  members: readonly AssigneeMember[],
  partitions: Readonly<Record<string, readonly number[]>>,
): Map<string, Assignment> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const held = new Map<string, Slot[]>(sorted.map((member) => [member.memberId, []]));
  const slots = (memberId: string) => held.get(memberId) ?? [];
  const lightest = (topic: string) =>
    sorted
      .filter((member) => member.topics.includes(topic))
      .reduce<AssigneeMember | undefined>(
        (best, member) =>
          best === undefined || slots(member.memberId).length < slots(best.memberId).length ? member : best,
        undefined,
      );

  const homeless: Slot[] = [];
  for (const topic of Object.keys(partitions).sort()) {
    for (const partition of partitions[topic] ?? []) {
      const owners = sorted.filter(
        (member) => member.topics.includes(topic) && member.owned[topic]?.includes(partition) === true,
      );
      // Two owners: one of them slept through a rebalance. Which one can't be told here, so neither keeps it.
      const [owner] = owners;
      if (owner !== undefined && owners.length === 1) slots(owner.memberId).push({ topic, partition });
      else homeless.push({ topic, partition });
    }
  }
  for (const slot of homeless) {
    const member = lightest(slot.topic);
    if (member !== undefined) slots(member.memberId).push(slot);
  }
  // Each move lowers the sum of squared loads, so this ends.
  for (let moved = true; moved;) {
    moved = false;
    for (const { memberId } of sorted) {
      const from = slots(memberId);
      for (const slot of [...from].reverse()) {
        const to = lightest(slot.topic);
        if (to === undefined || slots(to.memberId).length + 1 >= from.length) continue;
        from.splice(from.indexOf(slot), 1);
        slots(to.memberId).push(slot);
        moved = true;
      }
    }
  }
  return new Map([...held].map(([memberId, own]) => [memberId, byTopic(own)]));
}

function byTopic(slots: readonly Slot[]): Assignment {
  const assignment: Assignment = {};
  for (const { topic, partition } of slots) (assignment[topic] ??= []).push(partition);
  for (const list of Object.values(assignment)) list.sort((a, b) => a - b);
  return assignment;
}

/**
 * The kafkajs shell. kafkajs's own assigners hand out the leader's topics only, to every member: with two
 * subscriptions in one group (two manifest versions) partitions stay unread without an error.
 * `onCluster` receives the consumer's cluster handle; `owned` is asked before each join.
 */
export function createAssigner(options: {
  onCluster: (cluster: Cluster) => void;
  owned: () => Assignment;
}): PartitionAssigner {
  return ({ cluster }) => {
    options.onCluster(cluster);
    return {
      name,
      version,
      protocol: ({ topics }) => ({
        name,
        metadata: AssignerProtocol.MemberMetadata.encode({
          version,
          topics,
          userData: Buffer.from(JSON.stringify(options.owned())),
        }),
      }),
      async assign({ members }) {
        const assignees = members.map(({ memberId, memberMetadata }) => ({
          memberId,
          ...decodeMember(memberMetadata),
        }));
        const topics = [...new Set(assignees.flatMap((member) => member.topics))];
        // The leader knows the partitions of its own topics only, until they are asked for.
        for (const topic of topics) await addTopic(cluster, topic);
        const partitions = Object.fromEntries(
          topics.map((topic) => [
            topic,
            cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
          ]),
        );
        return [...assignPartitions(assignees, partitions)].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version,
            assignment,
            userData: Buffer.alloc(0),
          }),
        }));
      },
    };
  };
}

/** A topic that does not exist has nothing to hand out; its reader rejoins when it appears. */
async function addTopic(cluster: Cluster, topic: string): Promise<void> {
  try {
    await cluster.addMultipleTargetTopics([topic]);
  } catch (error) {
    if (!(error instanceof KafkaJSProtocolError) || error.type !== "UNKNOWN_TOPIC_OR_PARTITION") throw error;
  }
}

function decodeMember(metadata: Buffer): Pick<AssigneeMember, "topics" | "owned"> {
  const decoded = AssignerProtocol.MemberMetadata.decode(metadata);
  return { topics: decoded?.topics ?? [], owned: decodeOwned(decoded?.userData) };
}

/** What a member says it held; anything unreadable counts as nothing, it only costs stickiness. */
function decodeOwned(userData: Buffer | null | undefined): Assignment {
  try {
    const json: unknown = JSON.parse(userData?.toString() ?? "{}");
    if (typeof json !== "object" || json === null) return {};
    return Object.fromEntries(
      Object.entries(json).flatMap(([topic, list]: [string, unknown]) =>
        Array.isArray(list) ? [[topic, list.filter((item) => Number.isSafeInteger(item))]] : [],
      ),
    );
  } catch {
    return {};
  }
}

import { setTimeout as delay } from "node:timers/promises";
import type { Cluster, Consumer, Kafka, KafkaMessage } from "kafkajs";
import { KafkaJSProtocolError } from "./kafkajs-values.ts";
import { lookUpOffsets, topicsOf } from "./offset-lookup.ts";
import type { TopicPartition } from "./types.ts";
import { type UnreadableBatch, unreadableIn } from "./unreadable-batch.ts";

/** Where to read in one partition. */
export interface ReadPosition extends TopicPartition {
  readonly offset: bigint;
}

/** What one partition holds from a position on; `messages` is empty where nothing is there yet. */
export interface ReadRecords extends TopicPartition {
  readonly messages: readonly KafkaMessage[];
  /** A batch that can't be read lies at the position: `messages` is empty, and `next` is behind it. */
  readonly unreadable: UnreadableBatch | undefined;
  /** Where to read on. */
  readonly next: bigint;
  /** End of the partition when it was read. */
  readonly high: bigint;
}

/** Where a partition begins, and its first record appended at or after the time asked for; undefined: none is. */
export interface PartitionBounds {
  readonly low: bigint;
  readonly firstSince: bigint | undefined;
}

const attempts = 6;
const backoffMs = 200;
/** Records of open transactions stay unseen, as they do for the consumer. */
const readCommitted = 1;

/**
 * Reads records at positions of the caller's choice without a consumer group: nothing is committed, nobody's
 * partitions move, no group stays behind, and the right to read the topic is all it needs.
 *
 * kafkajs reads only as a member of a group, but hands its cluster to partition assigners: a consumer that is
 * connected and never subscribes has one, and joins nothing.
 */
export class RecordReader {
  readonly #consumer: Consumer;
  readonly #cluster: Cluster;

  constructor(kafka: Kafka) {
    const clusters: Cluster[] = [];
    this.#consumer = kafka.consumer({
      groupId: "freshet-joins-no-group",
      allowAutoTopicCreation: false,
      partitionAssigners: [
        ({ cluster }) => {
          clusters.push(cluster);
          return { name: "none", version: 0, assign: neverJoins, protocol: neverJoins };
        },
      ],
    });
    const [cluster] = clusters;
    if (cluster === undefined) throw new Error("this version of kafkajs makes its assigners later");
    this.#cluster = cluster;
  }

  async connect(): Promise<void> {
    await this.#consumer.connect();
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect();
  }

  /** Bounds of these partitions, as a look-up; rejects with kafkajs's error. */
  async bounds(
    partitions: readonly TopicPartition[],
    sinceMs: number,
  ): Promise<(at: TopicPartition) => PartitionBounds> {
    await this.#cluster.addMultipleTargetTopics(topicsOf(partitions));
    const [low, since] = await Promise.all([
      lookUpOffsets(this.#cluster, partitions, { fromBeginning: true }),
      lookUpOffsets(this.#cluster, partitions, { fromTimestamp: sinceMs }),
    ]);
    return (at) => ({ low: low(at) ?? 0n, firstSince: since(at) });
  }

  /**
   * What the partitions hold at these positions, in one request per broker; waits up to `maxWaitMs` where none of a
   * broker's partitions has anything. A partition may come back empty although records wait: read it again at `next`.
   * Survives a moved leader; otherwise rejects with kafkajs's error (KafkaJSOffsetOutOfRange: the position is gone).
   */
  async read(
    positions: readonly ReadPosition[],
    { maxWaitMs, maxBytesPerPartition }: { maxWaitMs: number; maxBytesPerPartition: number },
  ): Promise<ReadRecords[]> {
    for (let attempt = 1; ; attempt += 1)
      try {
        await this.#cluster.addMultipleTargetTopics(topicsOf(positions));
        const answers = await Promise.all(
          [...this.#byLeader(positions)].map(([nodeId, ofNode]) =>
            this.#fetch(nodeId, ofNode, maxWaitMs, maxBytesPerPartition),
          ),
        );
        return answers.flat();
      } catch (error) {
        if (attempt === attempts || !isPassing(error)) throw error;
        await delay(backoffMs * attempt);
        await this.#cluster.refreshMetadata();
      }
  }

  async #fetch(
    nodeId: string,
    positions: readonly ReadPosition[],
    maxWaitTime: number,
    maxBytes: number,
  ): Promise<ReadRecords[]> {
    const broker = await this.#cluster.findBroker({ nodeId });
    const answer: unknown = await broker.fetch({
      maxWaitTime,
      isolationLevel: readCommitted,
      topics: [...groupBy(positions, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
        topic,
        partitions: ofTopic.map(({ partition, offset }) => ({
          partition,
          fetchOffset: offset.toString(),
          maxBytes,
        })),
      })),
    });
    const found = partitionsIn(answer);
    return positions.map(({ topic, partition, offset }) => {
      const part = found.find((entry) => entry.topic === topic && entry.partition === partition);
      // A batch comes whole, also the records of it that lie before the position.
      const records = part?.messages.filter((message) => BigInt(message.offset) >= offset) ?? [];
      const last = records.at(-1);
      const unreadable = unreadableIn(records);
      return {
        topic,
        partition,
        messages: unreadable ? [] : records.filter((message) => message.isControlRecord !== true),
        unreadable,
        next: last === undefined ? offset : BigInt(last.offset) + 1n,
        high: part?.high ?? offset,
      };
    });
  }

  #byLeader(positions: readonly ReadPosition[]): Map<string, ReadPosition[]> {
    return groupBy(positions, ({ topic, partition }) => {
      const [leader] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]));
      if (leader === undefined) throw new Error(`${topic} has no partition ${partition}`);
      return leader;
    });
  }
}

type FetchedMessage = KafkaMessage & { readonly isControlRecord?: boolean };
interface FetchedPartition extends TopicPartition {
  readonly high: bigint;
  readonly messages: readonly FetchedMessage[];
}

/** kafkajs types its answer as `any`; these are the fields that its own consumer reads. */
function partitionsIn(answer: unknown): FetchedPartition[] {
  const { responses } = answer as {
    responses: readonly {
      topicName: string;
      partitions: readonly { partition: number; highWatermark: string; messages: FetchedMessage[] }[];
    }[];
  };
  return responses.flatMap(({ topicName, partitions }) =>
    partitions.map(({ partition, highWatermark, messages }) => ({
      topic: topicName,
      partition,
      high: BigInt(highWatermark),
      messages,
    })),
  );
}

/** A leader that has moved, a broker that restarts: gone after new metadata and a little time. */
function isPassing(error: unknown): boolean {
  if (error instanceof KafkaJSProtocolError) return error.retriable;
  return (
    error instanceof Error &&
    /^KafkaJS(Connection|BrokerNotFound|MetadataNotLoaded|RequestTimeout)/.test(error.name)
  );
}

function groupBy<Item>(items: readonly Item[], nameOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const name = nameOf(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}

function neverJoins(): never {
  throw new Error("a RecordReader joins no group");
}

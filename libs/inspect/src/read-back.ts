import { type ChangeEvent, decodeChangeEvent } from "@freshet/contracts";
import type { ReadPosition, RecordReader, TopicPartition } from "@freshet/kafka";
import { type Admin, Partitioners } from "kafkajs";
import type { EventPlace } from "./late-step.ts";

/** A change event as the topic holds it. */
export interface ReadEvent extends EventPlace {
  readonly event: ChangeEvent;
  /** When the broker, or the producer, says that it was appended. */
  readonly appendedMs: number;
}

/** How far back it is read, over all partitions, and for how long. */
const mostRecords = 10_000;
const maxBytesPerPartition = 256 * 1_024;

/** The partition that a record with this key lies in, if its publisher uses Java's partitioner, as Freshet's does. */
export function partitionOf(topic: string, partitions: number, key: string): number {
  const metadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  const message = { key: Buffer.from(key), value: null };
  return Partitioners.DefaultPartitioner()({ topic, partitionMetadata: metadata, message });
}

/**
 * The last change events of some partitions of a topic, at most 10,000 records back, until `deadlineMs`; undecodable
 * ones are left out.
 */
export async function readBack(
  { admin, reader }: { readonly admin: Pick<Admin, "fetchTopicOffsets">; readonly reader: RecordReader },
  topic: string,
  wanted: (partitions: number) => readonly number[],
  deadlineMs: number,
): Promise<{ events: ReadEvent[]; places: TopicPartition[]; records: number }> {
  const bounds = await admin.fetchTopicOffsets(topic);
  const partitions = new Set(wanted(bounds.length));
  const each = BigInt(Math.ceil(mostRecords / Math.max(1, partitions.size)));
  const places = bounds
    .filter(({ partition }) => partitions.has(partition))
    .map(({ partition, low, high }) => {
      const [first, end] = [BigInt(low), BigInt(high)];
      return { topic, partition, offset: end - each > first ? end - each : first, end };
    });
  const events: ReadEvent[] = [];
  let records = 0;
  let open: readonly (ReadPosition & { readonly end: bigint })[] = places.filter(
    ({ offset, end }) => offset < end,
  );
  while (open.length > 0 && Date.now() < deadlineMs) {
    const answers = await reader.read(open, { maxWaitMs: 100, maxBytesPerPartition });
    for (const { partition, messages } of answers)
      for (const message of messages) {
        records += 1;
        const decoded = decodeChangeEvent(message);
        if (decoded.ok)
          events.push({
            topic,
            partition,
            offset: BigInt(message.offset),
            event: decoded.event,
            appendedMs: Number(message.timestamp),
          });
      }
    open = open.flatMap((at) => {
      const next = answers.find(({ partition }) => partition === at.partition)?.next ?? at.offset;
      return next < at.end ? [{ ...at, offset: next }] : [];
    });
  }
  return { events, places, records };
}

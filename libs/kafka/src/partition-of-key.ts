import { Partitioners } from "kafkajs";

const partitioner = Partitioners.DefaultPartitioner();

/** The partition that Java's clients, kafkajs and this library choose for a key: murmur2 of its bytes. */
export function partitionOfKey(key: Buffer, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return partitioner({ topic: "", partitionMetadata, message: { key, value: null } });
}

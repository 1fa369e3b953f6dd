import type { KafkaMessage } from "kafkajs";
import type { GapReason } from "./gap.ts";
import type { CommitMetadata, MissedOffsets } from "./offsets.ts";

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `position`: the first record that is not done. */
export interface PartitionPosition extends TopicPartition {
  readonly position: bigint;
}

/** Consecutive records of one partition, in order; the handler of a partition runs once at a time. */
export interface EventBatch extends TopicPartition {
  readonly groupId: string;
  readonly messages: readonly KafkaMessage[];
  /** End of the partition when the batch was read. */
  readonly high: bigint;
  /** 1 for the first try, one more for each retry without progress. */
  readonly attempt: number;
  /** Aborted when the partition is lost or the consumer stops: settle soon, nothing more is committed. */
  readonly signal: AbortSignal;
}

/** `done`: offset of the first record that is not done; the last record's offset + 1 when all are. */
export interface BatchResult {
  readonly done: bigint;
}

/**
 * Deals with one batch, or with its beginning: after a `done` before the end that part is committed, and the rest
 * comes as a batch of its own. A rejection, or a `done` that is no progress, lets this partition alone back off and
 * try again.
 */
export type BatchHandler = (batch: EventBatch) => Promise<BatchResult>;

/** A partition that this consumer reads from now on. `metadata` as it stood in the commit: replace what you held. */
export interface AssignedPartition extends TopicPartition {
  readonly position: bigint;
  readonly metadata: CommitMetadata | undefined;
}

/** Events that this group should have seen and can't any more. */
export interface Gap extends TopicPartition {
  readonly reason: GapReason;
  /** Offset that was committed; undefined when there was none. */
  readonly committed: bigint | undefined;
  /** Where reading goes on. */
  readonly position: bigint;
  /** What more is known, for people. */
  readonly detail?: string;
}

/** A failure that the consumer survives by trying again; `partition` is undefined when it concerns the session. */
export interface ConsumerFailure {
  readonly step: "handler" | "guard" | "commit" | "check" | "session";
  readonly partition: TopicPartition | undefined;
  readonly attempt: number;
  readonly error: unknown;
}

/** What the owner of a pool tells the consumer and is told by it. */
export interface ConsumerHooks {
  /** Topology hash for commit metadata; read at each commit. */
  topology(): string;
  /** Oldest missed offset per node; read at each commit, it must cover every record before `done`. */
  missed(partition: TopicPartition): MissedOffsets;
  /** Awaited before the partitions are read; also called for partitions that stay through a rebalance. */
  onAssigned(partitions: readonly AssignedPartition[]): Promise<void> | void;
  onRevoked(partitions: readonly TopicPartition[]): void;
  /** Awaited before the partition is read; a rejection is tried again. */
  onGap(gap: Gap): Promise<void> | void;
  onFailure(failure: ConsumerFailure): void;
  /** The consumer has crashed for good: nothing is read until another one is made. */
  onGivenUp?(error: unknown): void;
}

/** How one partition stands; for status, readiness and metrics. */
export interface PartitionStatus extends TopicPartition {
  readonly phase: "guarding" | "reading";
  /** First record not done. */
  readonly done: bigint;
  /** Behind the last record that was taken: what is in hand lies between `done` and this. */
  readonly position: bigint;
  readonly high: bigint;
  readonly offsetLag: bigint;
  readonly timeLagSeconds: number;
  /** Failed tries in a row of the batch in hand; 0 when all is well. */
  readonly failures: number;
  /** false: no LogAppendTime here, so a re-created topic would not be noticed. */
  readonly recreationCheck: boolean;
}

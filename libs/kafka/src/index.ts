export { type AssigneeMember, assignPartitions } from "./assigner.ts";
export { type CommitEntry } from "./committer.ts";
export { BatchConsumer, type BatchConsumerOptions, consumerGroupId, type ConsumerState } from "./consumer.ts";
export { decidePosition, type GapReason, type PositionDecision, type PositionFacts } from "./gap.ts";
export {
  describeGroups,
  type GroupDescription,
  type GroupMember,
  type GroupPartitionLag,
  groupLag,
  oldestWaitingMs,
} from "./group-lag.ts";
export { type GroupLag, GroupWatch, type GroupWatchOptions, LagHistory } from "./group-watch.ts";
export {
  type LagSample,
  type LagVerdict,
  lagVerdict,
  lagVerdicts,
  lagWindow,
  worstVerdict,
} from "./lag-verdict.ts";
export {
  type CommitMetadata,
  decodeCommitMetadata,
  encodeCommitMetadata,
  type MissedOffsets,
} from "./offsets.ts";
export { type ConsumerSettings, defaultConsumerSettings } from "./settings.ts";
export type {
  AssignedPartition,
  BatchHandler,
  BatchResult,
  ConsumerFailure,
  ConsumerHooks,
  EventBatch,
  Gap,
  PartitionPosition,
  PartitionStatus,
  TopicPartition,
} from "./types.ts";
export { createKafka, type KafkaLog, type KafkaLogLevel } from "./client.ts";
export {
  type DeadLetterContext,
  deadLetterHeaders,
  DeadLetters,
  type DeadLetterSource,
  deadLetterTopic,
  sourceTopic,
  type GivenUpRecord,
  receiptHeader,
  toCutDeadLetter,
  toDeadLetter,
  toReceipt,
} from "./dead-letter.ts";
export { describeTopics, type TopicDescription } from "./describe-topics.ts";
export {
  createEventPublisher,
  type EventPublisher,
  type EventPublisherOptions,
  type OutgoingMessage,
  type PublishOutcome,
} from "./producer.ts";
export { type PartitionBounds, type ReadPosition, type ReadRecords, RecordReader } from "./record-reader.ts";
export { partitionOfKey } from "./partition-of-key.ts";
export { deadLetterMarginBytes, ensureTopics, type TopicResult, type TopicSpec } from "./topics.ts";
export { turn } from "./turn.ts";
export type { UnreadableBatch } from "./unreadable-batch.ts";

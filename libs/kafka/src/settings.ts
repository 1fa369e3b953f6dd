/** How a consumer reads; every value has its reason in `defaultConsumerSettings`. */
export interface ConsumerSettings {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly maxWaitTimeMs: number;
  readonly maxBytesPerPartition: number;
  readonly metadataMaxAgeMs: number;
  readonly checkIntervalMs: number;
  readonly drainTimeoutMs: number;
}

/** What a consumer goes by unless it is told otherwise. */
export const defaultConsumerSettings: ConsumerSettings = {
  /** A killed replica's partitions move after this time; kafkajs's default is 30 s. */
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 1_000,
  /** How long a rebalance waits for a member that is alive and does not rejoin. */
  rebalanceTimeoutMs: 15_000,
  /** Also how long kafkajs sleeps when every partition is paused. Its fetches have a connection of their own. */
  maxWaitTimeMs: 250,
  /** 256 KiB: 176–208 MB resident instead of 257 MB with kafkajs's 1 MiB, at the same throughput. */
  maxBytesPerPartition: 256 * 1_024,
  /** New partitions are read after at most this time; kafkajs's default is 5 min. */
  metadataMaxAgeMs: 15_000,
  /** How often each partition is compared with the broker: is it still the topic that was committed? */
  checkIntervalMs: 10_000,
  /** How long a stop waits for the batches in hand, and then for their commits; what it abandons is read again. */
  drainTimeoutMs: 5_000,
};

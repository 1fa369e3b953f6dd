import { type ChangeEvent, decodeChangeEvent } from "@freshet/contracts";
import type { Consumer, Kafka } from "kafkajs";
import type { Appended } from "./audit/checks-of.ts";

export interface EventSource {
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** false: it gave up for good. */
  readonly isAlive: () => boolean;
  readonly isReading: () => boolean;
}

/**
 * Reads the topics with a group of the auditor's own: at first from the end on, later from where it was; what is too
 * old by then to be checked in time is passed over. It commits by the clock; what it has lost or read twice costs a
 * check or two.
 */
export function readEvents(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
  onEvent: (event: ChangeEvent | undefined, at: Appended) => void,
): EventSource {
  const consumer: Consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    sessionTimeout: 6_000,
    heartbeatInterval: 1_000,
    maxWaitTimeInMs: 250,
    maxBytesPerPartition: 256 * 1_024,
    metadataMaxAge: 15_000,
    // It restarts as a process: liveness fails.
    retry: { restartOnFailure: () => Promise.resolve(false) },
  });
  let [hasCrashed, hasJoined] = [false, false];
  consumer.on(consumer.events.CRASH, () => {
    hasCrashed = true;
  });
  consumer.on(consumer.events.GROUP_JOIN, () => {
    hasJoined = true;
  });
  return {
    isAlive: () => !hasCrashed,
    isReading: () => hasJoined && !hasCrashed,
    async start() {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: false });
      await consumer.run({
        autoCommitInterval: 5_000,
        eachBatch: (payload) => {
          const { topic, partition, messages } = payload.batch;
          for (const message of messages) {
            const decoded = decodeChangeEvent(message);
            onEvent(decoded.ok ? decoded.event : undefined, {
              topic,
              partition,
              offset: BigInt(message.offset),
              appendedMs: Number(message.timestamp),
            });
            payload.resolveOffset(message.offset);
          }
          return Promise.resolve();
        },
      });
    },
    stop: () => consumer.disconnect(),
  };
}

import type { KafkaMessage } from "kafkajs";
import type { BatchContext, FetchedRecord } from "./fetch-response.ts";

/**
 * Stands for the records of a batch that can't be read, at the last offset of it, so that kafkajs passes it on as it
 * would a record: to a transaction that was aborted it belongs as well. Always the only one of what was fetched.
 */
export class UnreadableBatch implements FetchedRecord {
  readonly magicByte = 2;
  readonly attributes = 0;
  readonly key = null;
  readonly value = null;
  readonly headers = {};
  readonly firstOffset: bigint;
  readonly offset: string;
  readonly timestamp: string;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
  /** For people. */
  readonly why: string;

  constructor(batch: {
    readonly firstOffset: bigint;
    readonly lastOffset: bigint;
    readonly timestamp: string;
    readonly isControlRecord: boolean;
    readonly batchContext: BatchContext;
    readonly why: string;
  }) {
    this.firstOffset = batch.firstOffset;
    this.offset = String(batch.lastOffset);
    this.timestamp = batch.timestamp;
    this.isControlRecord = batch.isControlRecord;
    this.batchContext = batch.batchContext;
    this.why = batch.why;
  }

  /** Where reading goes on. */
  get next(): bigint {
    return BigInt(this.offset) + 1n;
  }
}

/** What was fetched is a batch that can't be read. */
export function unreadableIn(
  messages: readonly (KafkaMessage | UnreadableBatch)[],
): UnreadableBatch | undefined {
  const [first] = messages;
  return first instanceof UnreadableBatch ? first : undefined;
}

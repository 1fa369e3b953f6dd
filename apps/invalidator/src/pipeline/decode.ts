import { isUtf8 } from "node:buffer";
import {
  type ChangeEvent,
  decodeChangeEvent,
  maxSubjectBytes,
  type UndecodableReason,
} from "@freshet/contracts";
import type { KafkaMessage } from "kafkajs";

/** A message that is parked as a dead letter; `entityId` where the message still names its entity. */
export interface Undecodable {
  readonly message: KafkaMessage;
  readonly reason: UndecodableReason;
  /** Names the field, holds none of its values. */
  readonly detail: string;
  readonly entityId: string | undefined;
}

/** A message that is a change event. */
export interface DecodedEvent {
  readonly message: KafkaMessage;
  readonly event: ChangeEvent;
}

/**
 * Step 2 of the invalidation path: bytes → change events, one after the other as they are asked for. None is kept
 * until the batch is done: the garbage collector would copy all of them, at a fifth of an event's whole cost. Pure;
 * never throws.
 */
export function* decodeBatch(messages: Iterable<KafkaMessage>): Generator<DecodedEvent | Undecodable> {
  for (const message of messages) {
    const decoded = decodeChangeEvent(message);
    if (decoded.ok) yield { message, event: decoded.event };
    else {
      const { reason, detail } = decoded;
      yield { message, reason, detail, entityId: entityIdOf(message.key) };
    }
  }
}

/** The Kafka key is the entity's id: what it names can still be deleted. A key that no subject may be names nothing. */
function entityIdOf(key: Buffer | null): string | undefined {
  if (key === null || key.length === 0 || key.length > maxSubjectBytes || !isUtf8(key)) return undefined;
  return key.toString("utf8");
}

import { type ChangeEvent, decodeChangeEvent, type UndecodableReason } from "@freshet/contracts";
import type { KafkaMessage } from "kafkajs";

/** A message that is parked as a dead letter; `entityId` where the message still names its entity. */
export interface Undecodable {
  readonly message: KafkaMessage;
  readonly reason: UndecodableReason;
  /** Names the field, holds none of its values. */
  readonly detail: string;
  readonly entityId: string | undefined;
}

/** The messages of one batch, read once. */
export interface DecodedBatch {
  readonly events: readonly DecodedEvent[];
  readonly undecodable: readonly Undecodable[];
}

interface DecodedEvent {
  readonly message: KafkaMessage;
  readonly event: ChangeEvent;
}

/** Step 2 of the invalidation path: bytes → change events. Pure; never throws. */
export function decodeBatch(messages: readonly KafkaMessage[]): DecodedBatch {
  const events: DecodedEvent[] = [];
  const undecodable: Undecodable[] = [];
  for (const message of messages) {
    const decoded = decodeChangeEvent(message);
    if (decoded.ok) events.push({ message, event: decoded.event });
    else
      undecodable.push({
        message,
        reason: decoded.reason,
        detail: decoded.detail,
        // The Kafka key is the entity's id: what it names can still be deleted.
        entityId: message.key === null || message.key.length === 0 ? undefined : message.key.toString("utf8"),
      });
  }
  return { events, undecodable };
}

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
        entityId: entityIdOf(message.key),
      });
  }
  return { events, undecodable };
}

/** The Kafka key is the entity's id: what it names can still be deleted. A key that no subject may be names nothing. */
function entityIdOf(key: Buffer | null): string | undefined {
  if (key === null || key.length === 0 || key.length > maxSubjectBytes || !isUtf8(key)) return undefined;
  return key.toString("utf8");
}

import { channel } from "node:diagnostics_channel";
import {
  type ChangeEvent,
  type ChangeEventDefinition,
  encodeChangeEvent,
  FreshetError,
  maxSubjectBytes,
} from "@freshet/contracts";
import { type Change, describeChange } from "./change.ts";
import { type OutboxTransaction } from "./transaction.ts";
import { uuidV7 } from "./uuid-v7.ts";

/** The largest CloudEvent that the outbox takes, in bytes of UTF-8. */
export const maxPayloadBytes = 65_536;

/** Writes change events into the transaction that changes the data. */
export interface Outbox {
  /**
   * Inserts the event of a change. Lock and write the row first: the order of the rows in the outbox then is the
   * order of the versions. `updated` with equal fields is still an event (its empty `changedFields` means all).
   * @throws FreshetError EVENT_INVALID, OUTBOX_EVENT_TOO_LARGE; the caller's transaction must then roll back
   */
  add<Definition extends ChangeEventDefinition>(
    tx: OutboxTransaction,
    definition: Definition,
    change: Change<Definition>,
  ): Promise<ChangeEvent>;
}

const added = channel("freshet:outbox.added");

const insertSql = `INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, topic, payload)
  VALUES ($1, $2, $3, $4, $5, $6)`;
// A second statement: one that inserts and deletes the same row at once would not see it.
const deleteSql = "DELETE FROM outbox_events WHERE id = $1 AND seq = currval('outbox_events_seq_seq')";

/**
 * The outbox of the service `source`. With `relay: "off"` each row is deleted in the transaction that inserts it:
 * nothing piles up while Debezium reads it from the write-ahead log.
 */
export function createOutbox({ source, relay = "on" }: { source: string; relay?: "on" | "off" }): Outbox {
  return {
    async add(tx, definition, change) {
      const { id, traceparent } = change;
      requireSubject(definition, id);
      const now = new Date();
      const event: ChangeEvent = {
        specversion: "1.0",
        id: uuidV7(now.getTime()),
        source,
        type: definition.type,
        subject: id,
        time: now.toISOString(),
        ...(traceparent === undefined ? {} : { traceparent }),
        data: describeChange(definition, change),
      };
      const payload = encodeChangeEvent(event).value;
      const bytes = Buffer.byteLength(payload);
      if (bytes > maxPayloadBytes)
        throw new FreshetError(
          "OUTBOX_EVENT_TOO_LARGE",
          `the ${definition.type} event of one ${definition.entity} has ${bytes} bytes, at most ${maxPayloadBytes} are allowed`,
          { details: { type: definition.type, bytes, maxPayloadBytes } },
        );
      const { type, entity, topic } = definition;
      await tx.query(insertSql, [event.id, entity, id, type, topic, payload]);
      if (relay === "off") await tx.query(deleteSql, [event.id]);
      added.publish({ type, entity, id, version: change.version });
      return event;
    },
  };
}

/** The id becomes the Kafka key and a text column: PostgreSQL holds no NUL, UTF-8 no lone surrogate. */
function requireSubject({ type }: ChangeEventDefinition, id: string): void {
  const bytes = Buffer.byteLength(id);
  if (bytes < 1 || bytes > maxSubjectBytes || /[\0\p{Surrogate}]/u.test(id))
    throw new FreshetError(
      "EVENT_INVALID",
      `${type} id: must have 1 to ${maxSubjectBytes} bytes of well-formed UTF-8 without NUL`,
    );
}

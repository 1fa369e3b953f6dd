export { type Change, type RowOf } from "./change.ts";
export { type Backlog, type OutboxClient, type OutboxPool } from "./claim.ts";
export { createOutbox, maxPayloadBytes, type Outbox } from "./outbox.ts";
export {
  type OutboxMessage,
  OutboxRelay,
  type RelayEvent,
  type RelayOptions,
  type RelayState,
} from "./relay.ts";
export { drizzleTransaction, type OutboxTransaction } from "./transaction.ts";
export { outboxTriggerSql, type OutboxTriggerOptions, serviceWrites } from "./trigger.ts";

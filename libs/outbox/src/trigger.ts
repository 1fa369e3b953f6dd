import { type ChangeEventDefinition, FreshetError, type RoutingOf, routingTypesOf } from "@freshet/contracts";
import { maxPayloadBytes } from "./outbox.ts";
import { type OutboxTransaction } from "./transaction.ts";
import { functionsSql, type TriggerParts } from "./trigger-functions.ts";

/** Where the data of an event stands in a table. */
export interface OutboxTriggerOptions<Definition extends ChangeEventDefinition> {
  /** The service that owns the data, as in `createOutbox`. */
  readonly source: string;
  readonly event: Definition;
  /** The table, with its schema where it is not in the search path: `profiles`, `app.profiles`. */
  readonly table: string;
  /** The column of the entity's id; its text form is the event's subject. */
  readonly idColumn: string;
  /** The column of the version, a bigint. */
  readonly versionColumn: string;
  /** The column of each of the event's fields and routing values. */
  readonly columns: Readonly<
    Record<Definition["fields"][number] | (keyof RoutingOf<Definition> & string), string>
  >;
  /** A row whose column of this name is null stands for a deleted entity: it keeps the id and the version. */
  readonly deletedWhenNull?: string;
  /** As in `createOutbox`: "off" when Debezium reads the outbox. */
  readonly relay?: "on" | "off";
}

/**
 * SQL for a migration: triggers by which writes that bypass the service (psql, another migration) raise the version
 * and add the event, as the service does. A transaction that said `serviceWrites` is left to the service. Running it
 * again replaces the triggers.
 * @throws FreshetError CONTRACT_INVALID naming what can't be an identifier
 */
export function outboxTriggerSql<Definition extends ChangeEventDefinition>(
  options: OutboxTriggerOptions<Definition>,
): string {
  const { event, table, columns, source } = options;
  const column = (name: string): string => {
    const found = Object.entries<string>(columns).find(([each]) => each === name)?.[1];
    if (found === undefined) throw invalid(`columns.${name}`, "is missing");
    return identifier(`columns.${name}`, found);
  };
  const path = table.split(".").map((part) => identifier("table", part));
  const parts: TriggerParts = {
    table: path.join("."),
    name: table.split(".").at(-1) ?? table,
    quote: (name) => identifier("table", name),
    id: identifier("idColumn", options.idColumn),
    version: identifier("versionColumn", options.versionColumn),
    marker:
      options.deletedWhenNull === undefined
        ? undefined
        : identifier("deletedWhenNull", options.deletedWhenNull),
    fields: event.fields.map((name) => ({ name: literal(name), column: column(name) })),
    routing: Object.entries(routingTypesOf(event)).map(([name, type]) => ({
      name: literal(name),
      column: column(name),
      type,
    })),
    source: literal(source),
    type: literal(event.type),
    entity: literal(event.entity),
    topic: literal(event.topic),
    keepsRow: options.relay !== "off",
    maxPayloadBytes,
  };
  return functionsSql(parts);
}

/**
 * Says that the events of this open transaction are written by the service: the table's triggers add none, and take
 * its versions as they are. Needed only where `outboxTriggerSql` is installed; without it each event comes twice.
 */
export async function serviceWrites(tx: OutboxTransaction): Promise<void> {
  await tx.query("SELECT set_config('freshet.outbox', 'service', true)", []);
}

function identifier(what: string, name: string): string {
  // The functions' bodies stand between $freshet$ marks.
  if (!/^[^\0]+$/.test(name) || Buffer.byteLength(name) > 63 || name.includes("$freshet$"))
    throw invalid(what, `${JSON.stringify(name)} is not an identifier of PostgreSQL`);
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  if (/\0|\\|\$freshet\$/.test(text)) throw invalid("source", `${JSON.stringify(text)} can't stand in SQL`);
  return `'${text.replaceAll("'", "''")}'`;
}

function invalid(what: string, why: string): FreshetError {
  return new FreshetError("CONTRACT_INVALID", `outbox trigger ${what}: ${why}`);
}

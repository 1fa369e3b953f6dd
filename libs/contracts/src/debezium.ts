import type { ChangeEvent, ChangeKind } from "./change-event.ts";
import type { RoutingType } from "./define-change-event.ts";

/** How the rows of one table become change events of one type. */
export interface TableMapping {
  readonly type: string;
  /** The service that owns the table. */
  readonly source: string;
  /** The column of the entity's id. */
  readonly idColumn: string;
  /** Each announced field with its column. */
  readonly fields: ReadonlyMap<string, string>;
  /** Each routing value with its column and its type. */
  readonly routing: ReadonlyMap<string, { readonly column: string; readonly type: RoutingType }>;
}

/** What one message of Debezium means. `problem` names columns and holds no value of the row. */
export type TableChange =
  | { readonly kind: "event"; readonly event: ChangeEvent }
  /** No change of a row: a tombstone, a heartbeat, the borders of a transaction. */
  | { readonly kind: "nothing" }
  | { readonly kind: "refused"; readonly problem: string; readonly mend: string };

type Row = Readonly<Record<string, unknown>>;

const kindOf: Readonly<Record<string, ChangeKind>> = {
  c: "created",
  r: "created",
  u: "updated",
  d: "deleted",
};
/** What Debezium writes in place of a large value that the update has not touched. */
const unavailable = "__debezium_unavailable_value";
const fullIdentity = "run ALTER TABLE … REPLICA IDENTITY FULL: without it PostgreSQL logs no old values";

/**
 * A change event from the value of one of Debezium's plain table change messages (PostgreSQL connector, JSON
 * converter, with or without its schema). The version is `source.lsn`: the row is locked from its change to its
 * commit, so that it rises with each commit of a row. A row that a snapshot reads (`r`) counts as created. Pure.
 */
export function changeEventOfRow(value: Buffer | string | null, mapping: TableMapping): TableChange {
  if (value === null || value.length === 0) return { kind: "nothing" };
  const message = objectIn(value);
  if (message === undefined) return refused("the value is no JSON object", "use Debezium's JSON converter");
  const payload = isRow(message["payload"]) ? message["payload"] : message;
  const { op, source } = payload;
  if (op === undefined || op === "m") return { kind: "nothing" };
  if (op === "t")
    return refused(
      "the table was truncated",
      "flush the pools that hold views of it, then skip this message",
    );
  const change = typeof op === "string" ? kindOf[op] : undefined;
  if (change === undefined)
    return refused(`op is none of c, u, d, r`, "hand over Debezium's messages as they are");
  const lsn = isRow(source) ? source["lsn"] : undefined;
  if (!isRow(source) || typeof lsn !== "number" || !Number.isSafeInteger(lsn) || lsn < 1)
    return refused(
      "source.lsn is no positive integer",
      "use the PostgreSQL connector: its lsn is the version",
    );
  const before = isRow(payload["before"]) ? payload["before"] : undefined;
  const after = isRow(payload["after"]) ? restored(payload["after"], before) : undefined;
  const row = change === "deleted" ? before : after;
  if (row === undefined)
    return refused(`${change === "deleted" ? "before" : "after"} is missing`, fullIdentity);
  const id = row[mapping.idColumn];
  if ((typeof id !== "string" || id === "") && !Number.isSafeInteger(id))
    return refused(`column ${mapping.idColumn} holds no id`, "name the column of the entity's id");
  const sides = {
    before: change === "created" ? null : sideOf("before", before, mapping),
    after: change === "deleted" ? null : sideOf("after", after, mapping),
  };
  if (typeof sides.before === "string") return refused(sides.before, fullIdentity);
  if (typeof sides.after === "string")
    return refused(
      sides.after,
      "map it to a column that each row has, or make the routing value optional: `string?`",
    );
  const subject = String(id);
  const timeMs = source["ts_ms"] ?? payload["ts_ms"];
  return {
    kind: "event",
    event: {
      specversion: "1.0",
      // The same message is the same event, however often it comes.
      id: `${lsn}-${subject}`,
      source: mapping.source,
      type: mapping.type,
      subject,
      ...(Number.isSafeInteger(timeMs) ? { time: new Date(Number(timeMs)).toISOString() } : {}),
      data: {
        version: lsn,
        change,
        ...(change === "updated" ? { changedFields: changedFields(before, after, mapping) } : {}),
        before: sides.before,
        after: sides.after,
      },
    },
  };
}

/** Which announced fields differ; none: all of them, since nobody can say what else did. */
function changedFields(before: Row | undefined, after: Row | undefined, { fields }: TableMapping): string[] {
  if (before === undefined || after === undefined) return [];
  return [...fields]
    .filter(([, column]) => JSON.stringify(before[column]) !== JSON.stringify(after[column]))
    .map(([field]) => field);
}

/** The routing values of one side, or what is missing there. */
function sideOf(
  side: string,
  row: Row | undefined,
  { routing }: TableMapping,
): Record<string, unknown> | string {
  const values: Record<string, unknown> = {};
  for (const [name, { column, type }] of routing) {
    const value = row?.[column] ?? undefined;
    if (value === unavailable || (value === undefined && (row === undefined || !type.endsWith("?"))))
      return `${side}.${column} is missing, which ${name} is read from`;
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** The new row with large values that the update has not touched, as the old one has them. */
function restored(after: Row, before: Row | undefined): Row {
  return Object.fromEntries(
    Object.entries(after).map(([column, value]) => [
      column,
      value === unavailable && before !== undefined && column in before ? before[column] : value,
    ]),
  );
}

function objectIn(value: Buffer | string): Row | undefined {
  try {
    const json: unknown = JSON.parse(value.toString());
    return isRow(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(problem: string, mend: string): TableChange {
  return { kind: "refused", problem, mend };
}

import { isDeepStrictEqual } from "node:util";
import {
  type ChangeEvent,
  type ChangeEventDefinition,
  FreshetError,
  type RoutingOf,
  type RoutingValues,
} from "@freshet/contracts";

/** A row as an event is made from it: at least the event's fields and its routing values. */
export type RowOf<Definition extends ChangeEventDefinition> = Readonly<
  Record<Definition["fields"][number], unknown> & RoutingRow<RoutingOf<Definition>>
>;

/** zod infers a record of nothing from an event without routing values: it would forbid every other property. */
type RoutingRow<Routing> = string extends keyof Routing
  ? unknown
  : { [Name in keyof Routing]: ReadonlyList<Routing[Name]> };

type ReadonlyList<Value> = Value extends readonly (infer Element)[] ? readonly Element[] : Value;

/** One change of one row. `before` is null when the row is created, `after` when it is deleted. */
export interface Change<Definition extends ChangeEventDefinition> {
  readonly id: string;
  /** The row's version after the change; it strictly rises, past a deletion too. */
  readonly version: number;
  readonly before: RowOf<Definition> | null;
  readonly after: RowOf<Definition> | null;
  /** The W3C trace context of the request, if there is one. */
  readonly traceparent?: string;
}

/**
 * Works out what an event says of a change: its kind, the changed fields, the routing values of both sides.
 * Fields are compared by value; null and absent are the same.
 * @throws FreshetError EVENT_INVALID naming the field
 */
export function describeChange<Definition extends ChangeEventDefinition>(
  definition: Definition,
  { version, before, after }: Pick<Change<Definition>, "version" | "before" | "after">,
): ChangeEvent["data"] {
  if (!Number.isSafeInteger(version) || version < 1)
    throw invalid(definition, "version", `${String(version)} is not a positive safe integer`);
  const routing = {
    before: routingOf(definition, "before", before),
    after: routingOf(definition, "after", after),
  };
  if (before === null && after === null) throw invalid(definition, "before, after", "both are null");
  if (before === null) return { version, change: "created", ...routing };
  if (after === null) return { version, change: "deleted", ...routing };
  return { version, change: "updated", changedFields: changedFields(definition, before, after), ...routing };
}

function changedFields(
  { fields }: ChangeEventDefinition,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  return fields.filter((field) => !isDeepStrictEqual(before[field] ?? null, after[field] ?? null));
}

/** Only what the definition names: whatever else the row holds must not reach the log of every other service. */
function routingOf(
  definition: ChangeEventDefinition,
  side: "before" | "after",
  row: Readonly<Record<string, unknown>> | null,
): RoutingValues | null {
  if (row === null) return null;
  const names = Object.keys(definition.routing.shape);
  const parsed = definition.routing.safeParse(
    Object.fromEntries(names.filter((name) => row[name] !== undefined).map((name) => [name, row[name]])),
  );
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(definition, [side, ...(issue?.path ?? [])].join("."), issue?.message ?? "invalid");
}

function invalid(definition: ChangeEventDefinition, field: string, why: string): FreshetError {
  return new FreshetError("EVENT_INVALID", `${definition.type} ${field}: ${why}`);
}

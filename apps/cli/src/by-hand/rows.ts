import { type ChangeEvent, FreshetError, type RoutingType } from "@freshet/contracts";
import type { EventNode, ViewNode } from "@freshet/dependency-graph";

/** A row as the query returned it. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * A row as a change of every field of its entity, so that its plan has every key that follows from what the row says
 * now. Pure.
 * @throws FreshetError REPAIR_ROWS_INVALID naming the column that is missing
 */
export function eventOfRow(row: Row, event: EventNode): ChangeEvent {
  const { subject } = row;
  if (typeof subject !== "string" && typeof subject !== "number")
    throw invalid("subject", subject === undefined ? "is missing" : "must be a text or a number");
  const routing = Object.fromEntries(
    [...event.routing].map(([name, type]) => {
      if (!Object.hasOwn(row, name)) throw invalid(name, `is missing: a routing value of ${event.type}`);
      return [name, routingValue(row[name], type)];
    }),
  );
  return {
    specversion: "1.0",
    id: "repair",
    source: "repair",
    type: event.type,
    subject: String(subject),
    data: { version: 1, change: "updated", changedFields: [], before: routing, after: routing },
  };
}

/** PostgreSQL's bigints come as text. */
function routingValue(value: unknown, type: RoutingType): unknown {
  if (!type.includes("integer")) return value;
  const number = (item: unknown) =>
    typeof item === "string" && /^-?\d{1,15}$/.test(item) ? Number(item) : item;
  return Array.isArray(value) ? value.map(number) : number(value);
}

/** A view whose keys do not all follow from what a row says now. */
export interface Incomplete {
  readonly pool: string;
  readonly view: string;
  readonly by: readonly string[];
  readonly hardTtlSeconds: number;
}

/**
 * The views of these pools that have keys under values which a row may no longer have: a former handle, a team that
 * was left. A repair can't name these. Pure.
 */
export function incompleteViews(
  views: readonly ViewNode[],
  { type }: EventNode,
  pools: readonly string[],
): Incomplete[] {
  return views.flatMap(({ name, pool, ttlSeconds, dependencies, tags }) => {
    const all = [...dependencies, ...tags.map(({ dependency }) => dependency)];
    const by = new Set(
      all
        .filter(({ event }) => event.type === type)
        .flatMap(({ params }) => [...params.values()].map((source) => source.name))
        .filter((source) => source !== "subject"),
    );
    return by.size > 0 && pools.includes(pool)
      ? [{ pool, view: name, by: [...by], hardTtlSeconds: (ttlSeconds * 11) / 10 }]
      : [];
  });
}

/** The events of other types that touch these pools: their rows are to be repaired as well. Pure. */
export function otherEvents(
  views: readonly ViewNode[],
  { type }: EventNode,
  pools: readonly string[],
): string[] {
  const types = views
    .filter(({ pool }) => pools.includes(pool))
    .flatMap(({ dependencies, tags }) => [...dependencies, ...tags.map(({ dependency }) => dependency)])
    .map(({ event }) => event.type);
  return [...new Set(types)].filter((other) => other !== type).sort();
}

function invalid(column: string, why: string): FreshetError {
  return new FreshetError("REPAIR_ROWS_INVALID", `column ${column} ${why}`);
}

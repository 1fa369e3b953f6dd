import { encodeKeyParam, isWellFormed, type RoutingType, type RoutingValues } from "@freshet/contracts";

/** The values of one parameter on one side of an event, as they stand in keys; empty: no key from this side. */
export type Column = readonly string[];

/** Whether two sides have the same values, in the same order. */
export function sameColumn(a: Column | undefined, b: Column | undefined): boolean {
  return a === b || (a?.length === b?.length && (a ?? []).every((value, index) => value === b?.[index]));
}

/** Reads the routing values of one side of an event into columns, in the order of the event's routing. */
export class RoutingReader {
  readonly #values: readonly {
    readonly name: string;
    readonly type: RoutingType;
    readonly list: boolean;
    readonly element: "string" | "integer";
    readonly optional: boolean;
  }[];

  constructor(routing: ReadonlyMap<string, RoutingType>) {
    this.#values = [...routing].map(([name, type]) => ({
      name,
      type,
      list: type.startsWith("["),
      element: type.includes("string") ? "string" : "integer",
      optional: type.endsWith("?"),
    }));
  }

  /** The subject's column, then one per routing value; or what is wrong with one (its name, never its value). */
  read(subject: Column, side: RoutingValues | null | undefined): readonly Column[] | string {
    const columns: Column[] = [subject];
    for (const { name, type, list, element, optional } of this.#values) {
      const value = side && Object.hasOwn(side, name) ? (side[name] ?? undefined) : undefined;
      const column = value === undefined && optional ? [] : columnOf(value, list, element);
      if (!column) return `${name}: must be ${type}`;
      columns.push(column);
    }
    return columns;
  }
}

function columnOf(value: unknown, list: boolean, element: "string" | "integer"): Column | undefined {
  if (!list) return isElement(value, element) ? [encodeKeyParam(value)] : undefined;
  if (!Array.isArray(value)) return undefined;
  const column: string[] = [];
  for (const item of value as unknown[]) {
    if (!isElement(item, element)) return undefined;
    column.push(encodeKeyParam(item));
  }
  return column.length > 1 ? [...new Set(column)] : column;
}

function isElement(value: unknown, element: "string" | "integer"): value is string | number {
  return element === "string"
    ? typeof value === "string" && isWellFormed(value)
    : typeof value === "number" && Number.isSafeInteger(value);
}

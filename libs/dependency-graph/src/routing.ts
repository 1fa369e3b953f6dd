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
    readonly isRead: boolean;
  }[];

  /** `readColumns`: those that some rule reads. The others are checked and stay empty. */
  constructor(routing: ReadonlyMap<string, RoutingType>, readColumns: ReadonlySet<number>) {
    this.#values = [...routing].map(([name, type], index) => ({
      name,
      type,
      list: type.startsWith("["),
      element: type.includes("string") ? "string" : "integer",
      optional: type.endsWith("?"),
      isRead: readColumns.has(index + 1), // column 0 is the subject's
    }));
  }

  /** The subject's column, then one per routing value; or what is wrong with one (its name, never its value). */
  read(subject: Column, side: RoutingValues | null | undefined): readonly Column[] | string {
    const columns: Column[] = [subject];
    for (const { name, type, list, element, optional, isRead } of this.#values) {
      const value = side && Object.hasOwn(side, name) ? (side[name] ?? undefined) : undefined;
      if (value === undefined && optional) columns.push(none);
      else if (!isOfType(value, list, element)) return `${name}: must be ${type}`;
      else columns.push(isRead ? columnOf(value) : none);
    }
    return columns;
  }
}

const none: Column = [];

type Element = string | number;

function columnOf(value: Element | readonly Element[]): Column {
  if (typeof value !== "object") return [encodeKeyParam(value)];
  const column = value.map(encodeKeyParam);
  return column.length > 1 ? [...new Set(column)] : column;
}

function isOfType(
  value: unknown,
  list: boolean,
  element: "string" | "integer",
): value is Element | readonly Element[] {
  if (!list) return isElement(value, element);
  if (!Array.isArray(value)) return false;
  for (const item of value as unknown[]) if (!isElement(item, element)) return false;
  return true;
}

function isElement(value: unknown, element: "string" | "integer"): value is Element {
  return element === "string"
    ? typeof value === "string" && isWellFormed(value)
    : typeof value === "number" && Number.isSafeInteger(value);
}

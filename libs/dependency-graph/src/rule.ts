import type { CacheKey, ChangeEvent, KeyTemplate } from "@freshet/contracts";
import { type Effect, subject } from "./model.ts";
import { type Column, sameColumn } from "./routing.ts";

/** What is to be done to one key. */
export type PlannedKey =
  { readonly key: CacheKey; readonly view: string; readonly action: "delete" } | PlannedRefresh;

/** Renew the value from its owner, unless what is cached is at least of this version of the entity. */
export interface PlannedRefresh {
  readonly key: CacheKey;
  readonly view: string;
  readonly action: "refresh";
  readonly version: number;
  /** The entity's id. */
  readonly subject: string;
}

/** An effect made ready to render keys without looking at names. */
export class Rule {
  readonly effect: Effect;
  readonly fields: ReadonlySet<string> | undefined;
  /** Whether its keys follow from the subject alone. */
  readonly fromSubject: boolean;
  /** The columns that its filter names and `changedFields` never does. */
  readonly unannounced: readonly number[];
  /** The columns that its keys and its filter are read from. */
  readonly columns: readonly number[];
  /** Whether another rule of the same event may give the same key. */
  readonly mayRepeat: boolean;
  /** Whether its keys are one of each entity, always deleted, and given by no other rule of the pool. */
  readonly isAlone: boolean;
  /** For each parameter of the template the column that it is read from; column 0 is the subject. */
  readonly #columnOf: readonly number[];
  /** Literals with their colons, and in place of each parameter its position in `#columnOf`. */
  readonly #parts: readonly (string | number)[];
  /** What stands before the only parameter where nothing follows it, as in most templates. */
  readonly #prefix: string | undefined;

  constructor(effect: Effect, mayRepeat: boolean, isOnly: boolean) {
    const { template, dependency } = effect;
    const columns = [subject, ...dependency.event.routing.keys()];
    this.effect = effect;
    this.mayRepeat = mayRepeat;
    this.fields = dependency.fields;
    this.#columnOf = template.params.map((param) =>
      columns.indexOf(dependency.params.get(param)?.name ?? subject),
    );
    this.fromSubject = this.#columnOf.every((column) => column === 0);
    this.isAlone = isOnly && this.fromSubject && this.#columnOf.length > 0 && effect.action === "delete";
    this.unannounced = [...(this.fields ?? [])]
      .filter((field) => !dependency.event.fields.has(field))
      .map((field) => columns.indexOf(field));
    this.columns = [...this.#columnOf, ...this.unannounced];
    this.#parts = partsOf(template);
    const [prefix] = this.#parts;
    this.#prefix = this.#parts.length === 2 && typeof prefix === "string" ? prefix : undefined;
  }

  /** How many keys these columns give: the lengths of the columns in use, multiplied. */
  count(columns: readonly Column[]): number {
    let count = 1;
    for (const index of this.#columnOf) count *= columns[index]?.length ?? 0;
    return count;
  }

  /** Whether two sides give the same keys because the columns in use are the same. */
  sameKeys(before: readonly Column[], after: readonly Column[]): boolean {
    for (const index of this.#columnOf) if (!sameColumn(before[index], after[index])) return false;
    return true;
  }

  /** Whether this event renews its keys. A deleted entity has nothing left to renew a value from. */
  refreshes(event: ChangeEvent | undefined): event is ChangeEvent {
    return event !== undefined && this.effect.action === "refresh" && event.data.change !== "deleted";
  }

  /** What is to be done to one of its keys. */
  planned(key: CacheKey, event: ChangeEvent | undefined): PlannedKey {
    return this.refreshes(event)
      ? this.plannedRefresh(key, event)
      : { key, view: this.effect.view.name, action: "delete" };
  }

  /** The renewal of one of its keys. */
  plannedRefresh(key: CacheKey, { subject: id, data }: ChangeEvent): PlannedRefresh {
    return { key, view: this.effect.view.name, action: "refresh", version: data.version, subject: id };
  }

  /** The nth key of these columns, 0 ≤ n < count: the combinations in mixed radix, so that none is stored. */
  key(columns: readonly Column[], n: number): CacheKey {
    if (this.#prefix !== undefined)
      return (this.#prefix + (columns[this.#columnOf[0] ?? 0]?.[n] ?? "")) as CacheKey;
    let key = "";
    for (const part of this.#parts)
      if (typeof part === "string") key += part;
      else key += this.#value(columns, part, n);
    return key as CacheKey;
  }

  /** The value of a parameter in the nth key: the digit of `n` whose weight are the columns before it. */
  #value(columns: readonly Column[], param: number, n: number): string {
    let rest = n;
    for (let before = 0; before < param; before += 1)
      rest = Math.floor(rest / (columns[this.#columnOf[before] ?? 0]?.length ?? 1));
    const column = columns[this.#columnOf[param] ?? 0] ?? [];
    return column[rest % column.length] ?? "";
  }
}

function partsOf({ segments, params }: KeyTemplate): (string | number)[] {
  const parts: (string | number)[] = [];
  let literal = "";
  for (const [index, segment] of segments.entries()) {
    if (index > 0) literal += ":";
    if ("literal" in segment) literal += segment.literal;
    else {
      parts.push(literal, params.indexOf(segment.param));
      literal = "";
    }
  }
  return [...parts, literal].filter((part) => part !== "");
}

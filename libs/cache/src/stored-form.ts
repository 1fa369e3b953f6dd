import type { ViewDefinition } from "@freshet/contracts";
import type { Soon } from "./soon.ts";

/** A value as JSON has it, and as every later hit will return it. */
export interface StoredForm<Value> {
  readonly data: unknown;
  readonly value: Value | null;
}

/** The cached data as a value of the view; undefined when it no longer is one. Null is the absent row. */
export function parseData<Value>(
  view: ViewDefinition<string, string, Value>,
  data: unknown,
): Soon<StoredForm<Value> | undefined> {
  if (data === null) return { data, value: null };
  try {
    const parsed = view.value["~standard"].validate(data);
    if (!(parsed instanceof Promise)) return parsed.issues ? undefined : { data, value: parsed.value };
    return parsed.then(
      (late) => (late.issues ? undefined : { data, value: late.value }),
      () => undefined,
    );
  } catch {
    return undefined; // a transform that the shape of old data surprises
  }
}

/**
 * What to store of a loaded value: what the view's schema lets through (a row may hold more than the view may
 * show), read back once, so that a miss returns what a hit will. Undefined: a hit would never parse.
 */
export async function storedForm<Value>(
  view: ViewDefinition<string, string, Value>,
  value: Value | null,
): Promise<StoredForm<Value> | undefined> {
  const parsed = await parseData(view, value);
  if (!parsed) return undefined;
  try {
    return await parseData(view, JSON.parse(JSON.stringify(parsed.value)));
  } catch {
    return undefined; // a cycle, a BigInt, undefined
  }
}

/** Where a value stands; the outermost object has no owner. */
export interface ValuePlace {
  /** The object that it stands in, by its place in `objects`. */
  readonly owner: number;
  readonly key: string;
}

/** A value that may be another one in JSON of the same layout: a plain text, a count, or a list of these. */
export interface VariableValue extends ValuePlace {
  readonly kind: "text" | "count" | "list";
  /** Its first byte and the first one behind it; a text's quotes are outside. */
  readonly from: number;
  readonly to: number;
}

/** What stands where in a text of JSON, in its order. */
export interface JsonLayout {
  readonly values: readonly VariableValue[];
  /** The outermost one first. */
  readonly objects: readonly ValuePlace[];
}

/** Bounds of what is worth remembering: a change event has about 20 values in 4 objects. */
const [mostObjects, mostValues] = [16, 64];

const space = /[\t\n\r ]*/y;
const plainText = /"[ !#-[\]-~]*"/y;
const anyText = /"(?:[^"\\]|\\.)*"/y;
const count = /(?:0|[1-9]\d{0,14})(?![\d.eE])/y;
const list = new RegExp(`\\[(?:(?:${plainText.source}|${count.source})(?:, ?(?!\\])|(?=\\])))*\\]`, "y");
const anyOther = /true|false|null|-?\d[\d.eE+-]*/y;

/**
 * The layout of valid JSON that is an object, one character to a byte. Undefined where it has what layouts leave out:
 * other lists, keys with escapes, a key that comes twice, or too much of everything.
 */
export function layoutOf(text: string): JsonLayout | undefined {
  const values: VariableValue[] = [];
  const objects: ValuePlace[] = [];
  let at = 0;

  const passes = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const passesSign = (sign: string): boolean => {
    passes(space);
    if (text[at] !== sign) return false;
    at += 1;
    return true;
  };
  const passesValue = (owner: number, key: string): boolean => {
    passes(space);
    if (text[at] === "{") return passesObject(owner, key);
    const from = at;
    if (passes(plainText)) values.push({ kind: "text", from: from + 1, to: at - 1, owner, key });
    else if (passes(count)) values.push({ kind: "count", from, to: at, owner, key });
    else if (passes(list)) values.push({ kind: "list", from, to: at, owner, key });
    else return passes(anyText) || passes(anyOther);
    return values.length <= mostValues;
  };
  const passesObject = (owner: number, key: string): boolean => {
    const self = objects.push({ owner, key }) - 1;
    if (self >= mostObjects || !passesSign("{")) return false;
    if (passesSign("}")) return true;
    const keys = new Set<string>();
    do {
      passes(space);
      const from = at + 1;
      if (!passes(plainText)) return false;
      const name = text.slice(from, at - 1);
      // What is assigned to this one is no property.
      if (name === "__proto__" || keys.has(name)) return false;
      keys.add(name);
      if (!passesSign(":") || !passesValue(self, name)) return false;
    } while (passesSign(","));
    return passesSign("}");
  };

  return passesObject(0, "") ? { values, objects } : undefined;
}

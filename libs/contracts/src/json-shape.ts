import { layoutOf, type ValuePlace, type VariableValue } from "./json-layout.ts";

const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const zero = 0x30;
const nine = 0x39;
const openingBracket = 0x5b;
const closingBracket = 0x5d;

/** So many digits are a safe integer whatever they are. */
const mostDigits = 15;

/** Bytes that stand for themselves in a text of JSON: printable ASCII without quote and backslash. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= space && byte <= 0x7e && byte !== quote && byte !== 0x5c),
);

/** What lives on when its event is forgotten: cut out of a text, it would keep all of the text in memory. */
const lastingKey = "subject";
/** Texts of this length V8 copies anyway. */
const mostCopied = 12;

type JsonObject = Record<string, unknown>;

/** One layout of JSON with the values in it that were seen to differ; all other bytes are always the same ones. */
export interface JsonShape {
  /** What is between the values of the layout: JSON of one layout has one frame. */
  readonly frame: string;
  /** The values of the layout as they were last, and whether each was ever another. */
  readonly values: readonly string[];
  readonly differed: readonly boolean[];
  /** What is between the values that differed, in a row, and where each part of it ends. */
  readonly fixed: Buffer;
  readonly ends: Int32Array;
  /** The values that differed; where each was found last. */
  readonly variable: readonly VariableValue[];
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** The objects to be copied; where each but the first stands. */
  readonly samples: readonly JsonObject[];
  readonly places: readonly ValuePlace[];
}

/**
 * The shape of bytes that JSON.parse has made `parsed` of, and what the earlier shape of its layout has seen to differ.
 * Undefined where they have no layout.
 */
export function shapeOf(bytes: Buffer, parsed: object, earlier: readonly JsonShape[]): JsonShape | undefined {
  const text = bytes.toString("latin1");
  const layout = layoutOf(text);
  if (!layout) return undefined;
  const frame = JSON.stringify(partsBetween(text, layout.values));
  const values = layout.values.map(({ from, to }) => text.slice(from, to));
  const same = earlier.find((shape) => shape.frame === frame);
  const differed = layout.values.map(({ kind }, n) => {
    // A list is made anew each time, so that no two events share one.
    if (kind === "list") return true;
    return same !== undefined && (same.differed[n] === true || same.values[n] !== values[n]);
  });
  const variable = layout.values.filter((_, n) => differed[n]);
  const parts = partsBetween(text, variable);
  let end = 0;
  return {
    frame,
    values,
    differed,
    fixed: Buffer.from(parts.join(""), "latin1"),
    ends: Int32Array.from(parts, (part) => (end += part.length)),
    variable,
    from: new Int32Array(variable.length),
    to: new Int32Array(variable.length),
    samples: objectsAt(layout.objects, parsed as JsonObject),
    places: layout.objects,
  };
}

/** What JSON.parse would answer; undefined where these bytes have another shape, or are no JSON. */
export function readAs(shape: JsonShape, bytes: Buffer): object | undefined {
  return matches(shape, bytes) ? make(shape, bytes) : undefined;
}

/** Whether these bytes have this shape; then it is known where their values are. */
function matches({ fixed, ends, variable, from, to }: JsonShape, bytes: Buffer): boolean {
  const { length } = bytes;
  let at = 0;
  let same = 0;
  for (let n = 0; n < ends.length; n += 1) {
    const end = ends[n] ?? 0;
    if (at + end - same > length) return false;
    for (; same < end; same += 1, at += 1) if (bytes[at] !== fixed[same]) return false;
    const value = variable[n];
    if (!value) break; // behind the last one
    from[n] = at;
    if (value.kind === "text") at = endOfText(bytes, at);
    else at = value.kind === "count" ? endOfCount(bytes, at) : endOfList(bytes, at);
    if (at < 0) return false;
    to[n] = at;
  }
  return at === length;
}

/** Nearly all texts are cut out of one: to make each of its own bytes took twice as long. */
function make({ variable, from, to, samples, places }: JsonShape, bytes: Buffer): object | undefined {
  const text = bytes.toString("latin1");
  const made: JsonObject[] = [];
  for (let n = 0; n < samples.length; n += 1) {
    const copy = { ...samples[n] };
    if (n > 0) put(made, places[n], copy);
    made.push(copy);
  }
  for (let n = 0; n < variable.length; n += 1) {
    const value = variable[n];
    const [first, end] = [from[n] ?? 0, to[n] ?? 0];
    if (value?.kind === "text") {
      const lasts = value.key === lastingKey && end - first > mostCopied;
      put(made, value, lasts ? bytes.toString("latin1", first, end) : text.slice(first, end));
    } else if (value?.kind === "count") put(made, value, Number(text.slice(first, end)));
    else put(made, value, listIn(text, first, end));
  }
  return made[0];
}

function put(made: readonly JsonObject[], place: ValuePlace | undefined, value: unknown): void {
  const within = made[place?.owner ?? 0];
  if (within && place) within[place.key] = value;
}

/** The text before, between and behind these values. */
function partsBetween(text: string, values: readonly VariableValue[]): string[] {
  return [...values, undefined].map((value, n) => text.slice(values[n - 1]?.to ?? 0, value?.from));
}

function objectsAt(places: readonly ValuePlace[], outermost: JsonObject): JsonObject[] {
  const objects = [outermost];
  for (const { owner, key } of places.slice(1)) objects.push(objects[owner]?.[key] as JsonObject);
  return objects;
}

/** Where the plain text ends that begins here: it may be empty, and its quote is not looked for. */
function endOfText(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isPlain[bytes[at] ?? 0] === 1) at += 1;
  return at;
}

/** Where the count ends that begins here; -1 where none does. */
function endOfCount(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isDigit(bytes[at] ?? 0)) at += 1;
  const digits = at - from;
  const isCount = digits === 1 || (digits > 1 && digits <= mostDigits && bytes[from] !== zero);
  return isCount ? at : -1;
}

/** Where the list of plain texts and counts ends that begins here; -1 where none does. */
function endOfList(bytes: Buffer, from: number): number {
  if (bytes[from] !== openingBracket) return -1;
  let at = from + 1;
  if (bytes[at] === closingBracket) return at + 1;
  for (;;) {
    at = endOfItem(bytes, at);
    if (at < 0) return -1;
    if (bytes[at] === closingBracket) return at + 1;
    if (bytes[at] !== comma) return -1;
    at += bytes[at + 1] === space ? 2 : 1;
  }
}

function endOfItem(bytes: Buffer, from: number): number {
  if (bytes[from] !== quote) return endOfCount(bytes, from);
  const at = endOfText(bytes, from + 1);
  return bytes[at] === quote ? at + 1 : -1;
}

function listIn(text: string, from: number, to: number): (string | number)[] {
  const items: (string | number)[] = [];
  for (let at = from + 1; at < to - 1;) {
    let end = at;
    if (text.charCodeAt(at) === quote) {
      end = text.indexOf('"', at + 1) + 1;
      items.push(text.slice(at + 1, end - 1));
    } else {
      while (isDigit(text.charCodeAt(end))) end += 1;
      items.push(Number(text.slice(at, end)));
    }
    at = end + (text.charCodeAt(end + 1) === space ? 2 : 1);
  }
  return items;
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine;
}

import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JsonShape, readAs, shapeOf } from "./json-shape.ts";
import { KnownJson } from "./known-json.ts";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type JsonObject = Record<string, Json>;

/** What JSON.parse answers, as the decoder asks it; undefined where that is no object, or it throws. */
function parsed(bytes: Buffer): object | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const json: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof json === "object" && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function readBy(shape: JsonShape | undefined, bytes: Buffer): object | undefined {
  return shape && readAs(shape, bytes);
}

/** The shape of texts that came one after the other. */
function shapeOfAll(...texts: readonly (string | Buffer)[]): JsonShape | undefined {
  let shape: JsonShape | undefined;
  for (const bytes of texts.map((text) => Buffer.from(text))) {
    const json = parsed(bytes);
    if (!json) throw new Error(`not an object: ${bytes.toString()}`);
    shape = shapeOf(bytes, json, shape ? [shape] : []);
  }
  return shape;
}

const plain = fc.stringMatching(/^[ !#-[\]-~]{0,20}$/);
const item = fc.oneof(plain, fc.nat());
const leaf = fc.oneof(
  { weight: 3, arbitrary: plain },
  { weight: 3, arbitrary: fc.nat() },
  { weight: 2, arbitrary: fc.array(item, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json> },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme" }) },
);
const key = fc.oneof({ weight: 9, arbitrary: plain }, { weight: 1, arbitrary: fc.string() });
const { object } = fc.letrec<{ object: JsonObject }>((tie) => ({
  object: fc.dictionary(key, fc.oneof({ depthSize: "small", maxDepth: 3 }, leaf, tie("object")), {
    maxKeys: 6,
  }),
}));

/** The same layout with other values, which are taken from `values` in turn. */
function varied(json: Json, values: { texts: string[]; counts: number[]; lists: Json[][] }): Json {
  const turn = <Value>(list: Value[]): Value | undefined => {
    const [first] = list.splice(0, 1);
    if (first !== undefined) list.push(first);
    return first;
  };
  if (typeof json === "string") return /^[ !#-[\]-~]*$/.test(json) ? (turn(values.texts) ?? json) : json;
  if (typeof json === "number")
    return Number.isSafeInteger(json) && json >= 0 ? (turn(values.counts) ?? json) : json;
  if (Array.isArray(json)) {
    const isList = json.every((one) => typeof one === "string" || (typeof one === "number" && one >= 0));
    return isList ? (turn(values.lists) ?? json) : json;
  }
  if (json === null || typeof json !== "object") return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, varied(value, values)]));
}

const values = () =>
  fc.record({
    texts: fc.array(plain, { minLength: 1, maxLength: 5 }),
    counts: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
    lists: fc.array(fc.array(item, { maxLength: 3 }) as fc.Arbitrary<Json[]>, { minLength: 1, maxLength: 3 }),
  });

/** As JavaScript, Python and a person write JSON. */
const style = fc.constantFrom<(json: Json) => string>(
  (json) => JSON.stringify(json),
  (json) =>
    JSON.stringify(json, null, 1)
      .replace(/\n */g, " ")
      .replace(/([[{]) /g, "$1")
      .replace(/ ([\]}])/g, "$1"),
  (json) => JSON.stringify(json, null, 2),
);

/** What may go wrong with bytes on their way. */
const damage = fc.array(
  fc.record({
    at: fc.nat(400),
    kind: fc.constantFrom("set", "insert", "remove", "cut"),
    byte: fc.oneof(
      fc.constantFrom(...Buffer.from('"\\{}[],:0123456789-.eE \n\0\u007fé')),
      fc.integer({ min: 0, max: 255 }),
    ),
  }),
  { maxLength: 3 },
);

function damaged(bytes: Buffer, damages: readonly { at: number; kind: string; byte: number }[]): Buffer {
  return damages.reduce((before, { at, kind, byte }) => {
    const place = before.length === 0 ? 0 : at % before.length;
    if (kind === "cut") return before.subarray(0, place);
    return Buffer.concat([
      before.subarray(0, place),
      kind === "remove" ? Buffer.alloc(0) : Buffer.from([byte]),
      before.subarray(kind === "insert" ? place : place + 1),
    ]);
  }, bytes);
}

describe("JSON that looks like earlier JSON", () => {
  it("is read as JSON.parse reads it, or not at all", () => {
    let read = 0;
    const inputs = fc.tuple(object, style, values(), values(), damage);
    fc.assert(
      fc.property(inputs, ([first, written, second, third, damages]) => {
        const texts = [first, varied(first, second)].map(written);
        const shape = shapeOfAll(...texts);
        const next = Buffer.from(written(varied(first, third)));
        for (const bytes of [next, damaged(next, damages), ...texts.map((text) => Buffer.from(text))]) {
          const found = readBy(shape, bytes);
          if (found === undefined) continue;
          read += 1;
          expect(found).toStrictEqual(parsed(bytes));
        }
      }),
      { numRuns: 2_000 },
    );
    expect(read).toBeGreaterThan(1_000);
  });

  it("is known by what two of a kind have in common", () => {
    const shape = shapeOfAll(
      '{"a":"x","n":1,"l":[],"in":{"b":"y"}}',
      '{"a":"z","n":2,"l":[],"in":{"b":"y"}}',
    );
    const read = (text: string) => readBy(shape, Buffer.from(text));
    expect(read('{"a":"","n":999999999999999,"l":["t1", 2],"in":{"b":"y"}}')).toStrictEqual({
      a: "",
      n: 999_999_999_999_999,
      l: ["t1", 2],
      in: { b: "y" },
    });
    expect(read('{"a":"z","n":2,"l":[],"in":{"b":"seen for the first time"}}')).toBeUndefined();
  });

  it("remembers what differed once", () => {
    const shape = shapeOfAll('{"a":"x","b":"x"}', '{"a":"y","b":"x"}', '{"a":"y","b":"y"}');
    expect(readBy(shape, Buffer.from('{"a":"z","b":"z"}'))).toStrictEqual({ a: "z", b: "z" });
  });

  it.each([
    ["a number with a sign", '{"a":"x","n":-1,"l":[]}'],
    ["a fraction", '{"a":"x","n":1.5,"l":[]}'],
    ["an exponent", '{"a":"x","n":1e3,"l":[]}'],
    ["a zero in front", '{"a":"x","n":01,"l":[]}'],
    ["no digit", '{"a":"x","n":,"l":[]}'],
    ["more digits than a number holds", '{"a":"x","n":9007199254740993,"l":[]}'],
    ["an escape", '{"a":"\\u0041","n":1,"l":[]}'],
    ["an escaped quote", '{"a":"\\"","n":1,"l":[]}'],
    ["a letter of two bytes", '{"a":"é","n":1,"l":[]}'],
    ["half of such a letter", Buffer.from('{"a":"é","n":1,"l":[]}', "latin1")],
    ["a line end in a text", '{"a":"\n","n":1,"l":[]}'],
    ["a text that does not end", '{"a":"x'],
    ["a list that does not end", '{"a":"x","n":1,"l":["x"'],
    ["a list with a comma too many", '{"a":"x","n":1,"l":["x",]}'],
    ["a list with wide spaces", '{"a":"x","n":1,"l":["x",  "y"]}'],
    ["a list with a text that does not end", '{"a":"x","n":1,"l":["x\\]}'],
    ["a list of lists", '{"a":"x","n":1,"l":[[]]}'],
    ["null in place of a text", '{"a":null,"n":1,"l":[]}'],
    ["another key", '{"b":"x","n":1,"l":[]}'],
    ["a key more", '{"a":"x","n":1,"l":[],"m":1}'],
    ["something behind it", '{"a":"x","n":1,"l":[]}}'],
    ["a mark in front of it", '\uFEFF{"a":"x","n":1,"l":[]}'],
    ["nothing", ""],
  ])("leaves %s to JSON.parse", (_what, text) => {
    const shape = shapeOfAll('{"a":"x","n":1,"l":[]}', '{"a":"y","n":2,"l":[1]}');
    expect(readBy(shape, Buffer.from('{"a":"y","n":3,"l":["z"]}'))).toStrictEqual({ a: "y", n: 3, l: ["z"] });
    expect(readBy(shape, Buffer.from(text))).toBeUndefined();
  });

  it.each([
    ["a key that comes twice", '{"a":"x","a":"y"}'],
    ["a key that is no property when it is assigned", '{"__proto__":"x"}'],
    ["a key with an escape", '{"\\u0061":"x"}'],
    ["a list of objects", '{"a":[{"b":"x"}]}'],
    ["more objects than events have", `${'{"a":'.repeat(17)}1${"}".repeat(17)}`],
    [
      "more values than events have",
      JSON.stringify(
        Array.from({ length: 65 }, (_, n) => n).reduce((all, n) => ({ ...all, [`k${n}`]: n }), {}),
      ),
    ],
  ])("has no shape with %s", (_what, text) => {
    expect(shapeOfAll(text)).toBeUndefined();
  });
});

describe("what is known of JSON", () => {
  const text = (kind: number, n: number) => Buffer.from(`{"kind${kind}":"always","n":${n},"list":["t${n}"]}`);

  /** Reads as the decoder does; tells whether it was known. */
  function isKnown(known: KnownJson, bytes: Buffer): boolean {
    const json = parsed(bytes) ?? {};
    const found = known.read(bytes);
    if (found) expect(found).toStrictEqual(json);
    else known.learn(bytes, json);
    return found !== undefined;
  }

  it("is learned from a few of many, and kept for the kinds that come again", () => {
    const known = new KnownJson();
    const seen = Array.from({ length: 1_000 }, (_, n) => isKnown(known, text(n % 4, n)));
    expect(seen.slice(-40)).toEqual(Array.from({ length: 40 }, () => true));
  });

  it("is bounded: a kind that did not come for long is forgotten", () => {
    const known = new KnownJson();
    for (let n = 0; n < 40; n += 1) isKnown(known, text(0, n));
    expect(isKnown(known, text(0, 41))).toBe(true);
    for (let n = 0; n < 400; n += 1) isKnown(known, text(1 + (n % 20), n));
    expect(isKnown(known, text(0, 42))).toBe(false);
  });

  it("is never answered twice: who changes an answer changes no other", () => {
    const known = new KnownJson();
    for (let n = 0; n < 40; n += 1) isKnown(known, Buffer.from(`{"n":${n},"list":["a"],"in":{"b":"c"}}`));
    const read = () =>
      known.read(Buffer.from('{"n":7,"list":["a"],"in":{"b":"c"}}')) as { list: string[]; in: object };
    const first = read();
    first.list.push("mine");
    Object.assign(first.in, { b: "mine" });
    expect(read()).toStrictEqual({ n: 7, list: ["a"], in: { b: "c" } });
  });
});

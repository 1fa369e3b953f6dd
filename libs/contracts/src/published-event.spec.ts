import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeChangeEvent,
  isWellFormed,
  jsonSchemas,
  maxSubjectBytes,
  publishedEventJsonSchema,
  publishedEventSchema,
} from "./index.ts";

// Formats are annotations in draft 2020-12; the pattern beside each says all that is demanded.
const ajv = new Ajv2020({ validateFormats: false, strictTypes: false });
const declared = {
  entity: "thing",
  topic: "thing.events.v1",
  fields: ["name", "size"] as [string, ...string[]],
  routing: { handle: "string", rank: "integer?", tags: "[string]", ids: "[integer]?" },
} as const;
const schema = publishedEventSchema("ThingChanged", declared);
const routing = { handle: "ada", rank: 1, tags: ["a", "b"], ids: [1, 2] };
const updated = {
  specversion: "1.0",
  id: "1",
  source: "s",
  type: "ThingChanged",
  subject: "42",
  time: "2026-11-22T20:00:00.000Z",
  data: { version: 7, change: "updated", changedFields: ["name"], before: routing, after: routing },
};

type Path = readonly string[];
const data = (part: object) => ({ ...updated, data: { ...updated.data, ...part } });
const created = data({ change: "created", before: null });
const deleted = data({ change: "deleted", after: null });

/** The event with the value at a path replaced, or taken away. */
function replaced(value: unknown, [name, ...rest]: Path, by: unknown): unknown {
  if (name === undefined) return by;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key]) => key !== name || rest.length > 0 || by !== undefined,
  );
  const next: [string, unknown][] = entries.map(([key, one]) => [
    key,
    key === name ? replaced(one, rest, by) : one,
  ]);
  const list = next.map(([, one]) => one);
  return Array.isArray(value) ? list : Object.fromEntries(next);
}

/** Every path of a value, the value itself first. */
function paths(value: unknown): Path[] {
  if (typeof value !== "object" || value === null) return [[]];
  return [[], ...Object.entries(value).flatMap(([key, one]) => paths(one).map((path) => [key, ...path]))];
}

const hostile = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    "",
    0,
    -1,
    1.5,
    -0,
    2 ** 53,
    2 ** 53 - 1,
    1e308,
    true,
    [],
    {},
    [null],
    [["a"]],
  ),
  fc.constantFrom(
    "1.0",
    "updated",
    "created",
    "deleted",
    "name",
    "\ud800",
    "é".repeat(600),
    "x".repeat(1_025),
  ),
  fc.constantFrom("2026-11-22", "2026-11-22T20:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T20:00:00+01:00"),
  fc.constantFrom(
    { handle: "ada", tags: [] },
    { handle: null, tags: [1] },
    JSON.parse('{"__proto__":{"handle":"a"}}'),
  ),
  fc.jsonValue(),
);
const events = fc
  .tuple(fc.constantFrom(updated, created, deleted), fc.array(fc.tuple(fc.nat(), hostile), { maxLength: 2 }))
  .map(([event, changes]) =>
    changes.reduce<unknown>((changed, [at, by]) => {
      const all = paths(changed);
      return replaced(changed, all[at % all.length] ?? [], by);
    }, event),
  );

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

/** As JSON has it; undefined is no JSON. */
function jsonOf(value: unknown): string {
  return value === undefined ? "null" : JSON.stringify(value);
}

/** The two rules that JSON Schema has no words for. */
function isBeyondJsonSchema(event: unknown): boolean {
  const texts = paths(event).map((path) => path.reduce(member, event));
  const subject: unknown =
    typeof event === "object" && event !== null && "subject" in event ? event.subject : "";
  const isTooLong = typeof subject === "string" && Buffer.byteLength(subject) > maxSubjectBytes;
  return isTooLong || texts.some((text) => typeof text === "string" && !isWellFormed(text));
}

describe("the JSON Schema of change events", () => {
  const accepts = ajv.compile(jsonSchemas().changeEvent);

  it("takes what the decoder takes and refuses what it refuses", () => {
    let taken = 0;
    fc.assert(
      fc.property(events, (event) => {
        const text = jsonOf(event);
        const decoded = decodeChangeEvent({ value: Buffer.from(text) });
        const verdict = accepts(JSON.parse(text));
        if (decoded.ok) taken += 1;
        if (decoded.ok || !isBeyondJsonSchema(event)) expect(verdict).toBe(decoded.ok);
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it.each([
    ["a number in quotes", data({ version: "7" })],
    ["a version too high", data({ version: 2 ** 53 })],
    ["a fraction", data({ version: 1.5 })],
    ["a day without a time", { ...updated, time: "2026-11-22" }],
    ["a subject of 1,025 characters", { ...updated, subject: "x".repeat(1_025) }],
    ["an event in a list", [updated]],
    ["an inherited version", JSON.parse('{"__proto__":{"specversion":"1.0"}}')],
  ])("refuses %s, as the decoder does", (_, event) => {
    expect(accepts(event)).toBe(false);
    expect(decodeChangeEvent({ value: Buffer.from(JSON.stringify(event)) }).ok).toBe(false);
  });
});

describe("the events of one type", () => {
  const accepts = ajv.compile(publishedEventJsonSchema("ThingChanged", declared));

  it("are judged alike by the schema that checks and by the JSON Schema that is published", () => {
    let taken = 0;
    fc.assert(
      fc.property(events, (event) => {
        const json: unknown = JSON.parse(jsonOf(event));
        const { success } = schema.safeParse(json);
        if (success) taken += 1;
        if (success || !isBeyondJsonSchema(event)) expect(accepts(json)).toBe(success);
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it("can all be decoded", () => {
    fc.assert(
      fc.property(events, (event) => {
        const text = jsonOf(event);
        fc.pre(schema.safeParse(JSON.parse(text)).success);
        expect(decodeChangeEvent({ value: Buffer.from(text) }).ok).toBe(true);
      }),
    );
  });

  it.each([
    ["data.changedFields.0: must be one of name, size", data({ changedFields: ["nmae"] })],
    ["data.before: must be an object with handle, rank, tags, ids", data({ before: null })],
    ["data.before: must be null or absent: a created entity has nothing before", data({ change: "created" })],
    ["data.after: must be null or absent: a deleted entity has nothing after", data({ change: "deleted" })],
    ["data.change: must be created, updated or deleted", data({ change: "renamed" })],
    ["data.after.tags.1: must be [string]", data({ after: { ...routing, tags: ["a", 1] } })],
    ["data.after.rank: must be integer?", data({ after: { ...routing, rank: "1" } })],
    ["data.after.handle: must be well-formed Unicode", data({ after: { ...routing, handle: "\ud800" } })],
    ["subject: must have at most 1024 bytes of UTF-8", { ...updated, subject: "é".repeat(513) }],
    ["type: must be ThingChanged", { ...updated, type: "OtherChanged" }],
  ])("are refused with the field and what it must be: %s", (problem, event) => {
    const issues = schema.safeParse(event).error?.issues ?? [];
    expect(issues.map(({ path, message }) => `${path.join(".")}: ${message}`)).toEqual([problem]);
  });

  it("may leave out what is optional, and bear what a later version adds", () => {
    const later = { handle: "ada", tags: [], cityId: "c1" };
    for (const event of [
      data({ before: later, after: later, reason: "x" }),
      { ...updated, shard: "eu-1", time: undefined },
      data({ change: "created", before: undefined, changedFields: null }),
    ])
      expect(schema.safeParse(event).error).toBeUndefined();
  });
});

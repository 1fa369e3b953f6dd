import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isChangeEvent } from "./change-event.ts";
import {
  type ChangeEvent,
  changeEventSchema,
  decodeChangeEvent,
  type Decoded,
  encodeChangeEvent,
  type EncodedMessage,
} from "./index.ts";

const event: ChangeEvent = {
  specversion: "1.0",
  id: "0193b1f0-0000-7000-8000-000000000000",
  source: "profile-service",
  type: "ProfileChanged",
  subject: "42",
  time: "2026-11-22T20:00:00.000Z",
  data: {
    version: 7,
    change: "updated",
    changedFields: ["displayName"],
    before: { handle: "ada", teamIds: ["t1"] },
    after: { handle: "ada", teamIds: ["t1", "t2"] },
  },
};

function decode(value: unknown, headers?: EncodedMessage["headers"]): Decoded {
  return decodeChangeEvent({ value: Buffer.from(JSON.stringify(value)), headers });
}

function changed(part: Record<string, unknown>): Record<string, unknown> {
  return { ...event, data: { ...event.data, ...part } };
}

describe("a change event in structured mode", () => {
  it("is keyed by its entity and says what it is", () => {
    expect(encodeChangeEvent(event)).toEqual({
      key: "42",
      value: JSON.stringify(event),
      headers: { "content-type": "application/cloudevents+json" },
    });
  });

  it("comes back as it was sent, extensions of others included", () => {
    const text = fc.string({ minLength: 1, unit: "grapheme" });
    const side = fc.option(fc.dictionary(text, fc.jsonValue()));
    const events = fc.record({
      specversion: fc.constant("1.0" as const),
      id: text,
      source: text,
      type: text,
      subject: text.filter((subject) => Buffer.byteLength(subject) <= 1_024),
      partitionkey: text,
      data: fc.record({
        version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        change: fc.constantFrom("created", "updated", "deleted"),
        changedFields: fc.array(fc.string()),
        before: side,
        after: side,
        comment: text,
      }),
    });
    fc.assert(
      fc.property(events, (sent) => {
        const decoded = decodeChangeEvent({ value: Buffer.from(encodeChangeEvent(sent).value) });
        expect(decoded).toEqual({ ok: true, event: JSON.parse(JSON.stringify(sent)) as unknown });
      }),
    );
  });

  it("may have a time zone, white space around it, and no time or changed fields at all", () => {
    expect(decode({ ...event, time: "2026-11-22T21:00:00+01:00" }).ok).toBe(true);
    expect(decode({ ...event, time: undefined }).ok).toBe(true);
    expect(decode(changed({ changedFields: null })).ok).toBe(true);
    expect(decode(changed({ changedFields: undefined, before: undefined })).ok).toBe(true);
    expect(decodeChangeEvent({ value: Buffer.from(` \n${JSON.stringify(event)}`) }).ok).toBe(true);
  });

  it.each([
    ["no version", changed({ version: undefined }), "data.version"],
    ["a version of 0", changed({ version: 0 }), "data.version"],
    ["a version beyond safe integers", changed({ version: 2 ** 53 }), "data.version"],
    ["a version as text", changed({ version: "7" }), "data.version"],
    ["another change", changed({ change: "renamed" }), "data.change"],
    ["routing values that are no object", changed({ after: ["ada"] }), "data.after"],
    ["no data", { ...event, data: undefined }, "data"],
    ["no subject", { ...event, subject: undefined }, "subject"],
    ["an empty subject", { ...event, subject: "" }, "subject"],
    ["a numeric subject", { ...event, subject: 42 }, "subject"],
    ["a subject without UTF-8", { ...event, subject: "\ud800" }, "subject"],
    ["another specversion", { ...event, specversion: "0.3" }, "specversion"],
    ["a time that is none", { ...event, time: "yesterday" }, "time"],
  ])("is refused with %s", (_, value, path) => {
    const decoded = decode(value);
    expect(decoded).toMatchObject({ ok: false, reason: "invalid_event" });
    if (!decoded.ok) expect(decoded.detail).toMatch(new RegExp(`^${path}: `));
  });

  it("takes a subject of 1,024 bytes and refuses a longer one", () => {
    expect(decode({ ...event, subject: "é".repeat(512) }).ok).toBe(true);
    expect(decode({ ...event, subject: "é".repeat(513) })).toMatchObject({ reason: "subject_too_long" });
  });

  it.each([
    ["empty", null],
    ["empty", ""],
    ["not_json", "{"],
    ["not_json", "delete 42"],
    ["not_a_cloudevent", "{}"],
    ["not_a_cloudevent", "null"],
    ["not_a_cloudevent", '["specversion"]'],
  ])("is refused as %s: %j", (reason, value) => {
    expect(decodeChangeEvent({ value: value === null ? null : Buffer.from(value) })).toMatchObject({
      reason,
    });
  });

  it("is refused when it is not UTF-8, instead of naming another entity", () => {
    const value = Buffer.from(JSON.stringify({ ...event, subject: "\u00e9" }), "latin1");
    expect(decodeChangeEvent({ value })).toMatchObject({ ok: false, reason: "not_json" });
  });

  it("cannot be made to inherit anything through __proto__", () => {
    const value =
      '{"specversion":"1.0","__proto__":{"polluted":1,"subject":"1"},"data":{"__proto__":{"version":1}}}';
    expect(decodeChangeEvent({ value: Buffer.from(value) })).toMatchObject({ reason: "invalid_event" });
    const complete = JSON.stringify(event).replace('{"handle"', '{"__proto__":{"polluted":1},"handle"');
    const decoded = decodeChangeEvent({ value: Buffer.from(complete) });
    expect(decoded).toMatchObject({ ok: true, event });
    expect("polluted" in {}).toBe(false);
    if (decoded.ok) expect(decoded.event.data.before && "polluted" in decoded.event.data.before).toBe(false);
  });

  it("never throws, whatever the bytes", () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value));
    const json = fc.json().map((value) => Buffer.from(value));
    const nearly = fc
      .tuple(fc.constantFrom("specversion", "id", "subject", "type", "data"), fc.jsonValue())
      .map(([name, value]) => Buffer.from(JSON.stringify({ ...event, [name]: value })));
    const headers = fc.dictionary(
      fc.constantFrom("ce_specversion", "ce_id", "ce_subject", "ce___proto__"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.oneof(bytes, json, nearly), headers, (value, given) => {
        expect(typeof decodeChangeEvent({ value, headers: given }).ok).toBe("boolean");
      }),
    );
  });

  it("is refused without repeating any of its values", () => {
    const decoded = decode(changed({ version: "secret", after: "secret" }));
    expect(JSON.stringify(decoded)).not.toContain("secret");
  });
});

describe("the fast check of a change event", () => {
  const oneWrong = fc
    .tuple(
      fc.constantFrom(
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "traceparent",
        "data",
        "other",
      ),
      fc.oneof(
        fc.jsonValue(),
        fc.constantFrom("", "1.0", "2026-02-29T00:00:00Z", "2028-02-29T00:00:00+01:00"),
      ),
    )
    .map(([name, value]) => ({ ...event, [name]: value }));
  const oneWrongInData = fc
    .tuple(
      fc.constantFrom("version", "change", "changedFields", "before", "after", "other"),
      fc.oneof(
        fc.jsonValue(),
        fc.constantFrom(0, -1, 1.5, 2 ** 53, 8, "deleted", undefined, [], ["a"], ["a", 1]),
      ),
    )
    .map(([name, value]) => changed({ [name]: value }));

  it("takes and refuses exactly what the published schema does", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), oneWrong, oneWrongInData), (value) => {
        expect(isChangeEvent(value)).toBe(changeEventSchema.safeParse(value).success);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a change event in binary mode", () => {
  const { data, ...attributes } = event;
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`ce_${name}`, Buffer.from(String(value))]),
  );

  it("is the same event", () => {
    expect(decode(data, { ...headers, "content-type": "application/json" })).toEqual({ ok: true, event });
  });

  it("may repeat a header, whose first value counts", () => {
    expect(decode(data, { ...headers, ce_subject: ["42", "43"] })).toEqual({ ok: true, event });
  });

  it("is looked for only when the value is no envelope", () => {
    expect(decode(event, { ...headers, ce_subject: "43" })).toEqual({ ok: true, event });
  });

  it("is refused without ce_specversion", () => {
    expect(decode(data, { ...headers, ce_specversion: undefined })).toMatchObject({
      reason: "not_a_cloudevent",
    });
  });

  it("takes the data from the value alone", () => {
    expect(decode(data, { ...headers, ce_data: "{}" })).toEqual({ ok: true, event });
  });
});

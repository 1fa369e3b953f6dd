import { encodeChangeEvent } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { toReceipt } from "@freshet/kafka";
import { addWhere } from "./letters/where.ts";
import { tailLine, type TailRecord } from "./tail-line.ts";
import { parseStart, parseTime } from "./tail-start.ts";

const event = {
  specversion: "1.0" as const,
  id: "1",
  source: "profile-service",
  type: "ProfileChanged",
  subject: "42",
  data: { version: 7, change: "updated" as const, changedFields: ["bio"], before: {}, after: {} },
};

function record(value: string | null, rest: Partial<TailRecord> = {}): TailRecord {
  const at = { topic: "t.events.v1", partition: 3, offset: "17", timestamp: "1763840000000" };
  return { ...at, key: Buffer.from("42"), value: value === null ? null : Buffer.from(value), ...rest };
}

function textOf({ segments }: ReturnType<typeof tailLine>): string {
  return segments.map((segment) => (typeof segment === "string" ? segment : segment.text)).join("");
}

describe("tailLine", () => {
  it("tells an event with its place, entity, version and changed fields", () => {
    const line = tailLine(record(encodeChangeEvent(event).value));
    expect(textOf(line)).toBe("2025-11-22T19:33:20.000Z t.events.v1/3@17 ProfileChanged 42 v7 updated: bio");
    expect(line.data).toMatchObject({ partition: 3, offset: "17", key: "42", event: { subject: "42" } });
  });

  it.each([
    ["not json", "not_json"],
    ["{}", "not_a_cloudevent"],
    [null, "empty"],
  ])("tells why %j can't be decoded, with its key in place of a subject", (value, reason) => {
    const line = tailLine(record(value));
    expect(textOf(line)).toContain(`undecodable (${reason}): `);
    expect(line).toMatchObject({ subject: "42", data: { undecodable: { reason } } });
  });

  it("tells of a dead letter where the event came from and why it was given up", () => {
    const headers = {
      "freshet-reason": "invalid_routing",
      "freshet-pool": "profiles",
      "freshet-topic": "t.events.v1",
      "freshet-partition": "0",
      "freshet-offset": "9",
    };
    const line = tailLine(record(encodeChangeEvent(event).value, { topic: "t.events.v1.dlt", headers }));
    expect(textOf(line)).toContain(
      "dead letter (invalid_routing) of t.events.v1/0@9 by pool profiles: ProfileChanged",
    );
    expect(line.data).toMatchObject({ deadLetter: { reason: "invalid_routing", offset: "9" } });
  });
});

it("tells of a redrive what was sent again, and calls its receipt no event", () => {
  const receipt = (offsets: readonly number[]) => {
    const { headers, value } = toReceipt(
      "t.events.v1",
      offsets.map((offset) => `t.events.v1/0@${offset}`),
    );
    return tailLine(record(String(value), { topic: "t.events.v1.dlt", key: null, headers: headers ?? {} }));
  };
  expect(textOf(receipt([9]))).toBe(
    "2025-11-22T19:33:20.000Z t.events.v1.dlt/3@17 redriven: t.events.v1/0@9",
  );
  expect(textOf(receipt([1, 2, 3, 4, 5]))).toMatch(/redriven: \S+@1, \S+@2, \S+@3 and 2 more$/);
  expect(receipt([9]).data).toMatchObject({ key: null, redriven: ["t.events.v1/0@9"] });
});

it("a time that --before, --since or --where refuses is told by what these take, not by what --from takes", () => {
  for (const text of ["beginning", "end", "3@17", "yesterday", ""]) {
    expect(() => parseTime(text, 0)).toThrow("It must be an age (10m) or a time");
    expect(() => addWhere(`from=${text}`, {}, 0)).toThrow("times as an age (10m)");
  }
  expect(parseTime("10m", 1_000_000)).toEqual(new Date(400_000));
});

it("--where refuses a reason that no letter can have: nothing found would look like nothing wrong", () => {
  expect(() => addWhere("reason=not_jsno", {}, 0)).toThrow(/not_jsno: reasons are .*\bnot_json\b/);
  expect(addWhere("reason=not_json", {}, 0)).toEqual({ reason: "not_json" });
});

describe("parseStart", () => {
  it.each([
    ["beginning", { at: "beginning" }],
    ["end", { at: "end" }],
    ["10m", { at: "time", ms: 1_000_000 - 600_000 }],
    ["2026-11-22T20:00:00Z", { at: "time", ms: Date.UTC(2026, 10, 22, 20) }],
    ["3@17", { at: "offset", partition: 3, offset: 17n }],
  ])("reads %s", (text, start) => {
    expect(parseStart(text, 1_000_000)).toEqual(start);
  });

  it.each(["", "yesterday", "10", "10y", "-5m", "3@", "2026-99-99"])("refuses %j", (text) => {
    expect(() => parseStart(text, 0)).toThrow("It must be beginning, end");
  });
});

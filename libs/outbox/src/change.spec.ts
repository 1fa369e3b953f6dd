import { defineChangeEvent, FreshetError } from "@freshet/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { describeChange } from "./change.ts";

const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "bio", "teamIds"],
  routing: z.object({
    handle: z.string(),
    teamIds: z.array(z.string()),
    country: z.string().nullable().optional(),
  }),
});

const ada = { handle: "ada", displayName: "Ada", bio: null, teamIds: ["t1"] };

const row = fc.record({
  handle: fc.string(),
  displayName: fc.string(),
  bio: fc.option(fc.string()),
  teamIds: fc.array(fc.string(), { maxLength: 3 }),
  password: fc.string(),
});
const rows = fc.oneof(
  fc.tuple(row, row),
  row.map((same) => [same, structuredClone(same)] as const),
  fc.tuple(row, row).map(([before, after]) => [before, { ...after, teamIds: [...before.teamIds] }] as const),
);

describe("the kind of a change", () => {
  test("no row before is created, no row after is deleted; neither names changed fields", () => {
    const routing = { handle: "ada", teamIds: ["t1"] };
    expect(describeChange(ProfileChanged, { version: 1, before: null, after: ada })).toEqual({
      version: 1,
      change: "created",
      before: null,
      after: routing,
    });
    expect(describeChange(ProfileChanged, { version: 2, before: ada, after: null })).toEqual({
      version: 2,
      change: "deleted",
      before: routing,
      after: null,
    });
  });

  test("neither a row before nor one after is refused", () => {
    expect(code(() => describeChange(ProfileChanged, { version: 1, before: null, after: null }))).toBe(
      "EVENT_INVALID",
    );
  });
});

describe("changedFields", () => {
  test("names exactly the fields whose values differ", () => {
    fc.assert(
      fc.property(rows, ([before, after]) => {
        const { changedFields } = describeChange(ProfileChanged, { version: 2, before, after });
        for (const field of ProfileChanged.fields) {
          const differs = JSON.stringify(before[field]) !== JSON.stringify(after[field]);
          expect(changedFields?.includes(field)).toBe(differs);
        }
        expect(changedFields?.every((name) => ProfileChanged.fields.some((field) => field === name))).toBe(
          true,
        );
      }),
    );
  });

  test("null and absent are the same", () => {
    const bare = { handle: "ada", displayName: "Ada", bio: undefined, teamIds: ["t1"] };
    expect(describeChange(ProfileChanged, { version: 2, before: ada, after: bare }).changedFields).toEqual(
      [],
    );
  });
});

describe("routing values", () => {
  test("are the declared ones of each side and nothing else of the row", () => {
    fc.assert(
      fc.property(rows, ([before, after]) => {
        const data = describeChange(ProfileChanged, { version: 2, before, after });
        expect(data.before).toEqual({ handle: before.handle, teamIds: before.teamIds });
        expect(data.after).toEqual({ handle: after.handle, teamIds: after.teamIds });
      }),
    );
  });

  test("of a wrong type are refused, and the error names the side and the field", () => {
    const broken: Record<string, unknown> = { ...ada, teamIds: ["t1", 7] };
    const untyped: Parameters<typeof describeChange>[1] = { version: 2, before: ada, after: broken };
    expect(() => describeChange(ProfileChanged as Parameters<typeof describeChange>[0], untyped)).toThrow(
      /ProfileChanged after\.teamIds\.1/,
    );
  });

  test("a row without a routing value does not compile", () => {
    const incomplete = { handle: "ada", displayName: "Ada", bio: null };
    // @ts-expect-error teamIds is a routing value
    expect(() => describeChange(ProfileChanged, { version: 2, before: ada, after: incomplete })).toThrow();
  });
});

test.each([0, -1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1])("the version %s is refused", (version) => {
  expect(code(() => describeChange(ProfileChanged, { version, before: null, after: ada }))).toBe(
    "EVENT_INVALID",
  );
});

function code(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return error instanceof FreshetError ? error.code : String(error);
  }
  return undefined;
}

import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { defineChangeEvent, type RoutingOf, routingTypesOf } from "./index.ts";

const common = { type: "TeamChanged", entity: "team", topic: "team.events.v1", fields: ["name"] } as const;

describe("a kind of change event", () => {
  it("tells the types of its routing values from their schema", () => {
    const routing = z.object({
      text: z.string().min(1).max(80),
      uuid: z.uuid(),
      brand: z.string().brand("HandleId"),
      kind: z.enum(["a", "b"]),
      count: z.int(),
      small: z.int32().min(0),
      maybe: z.string().optional(),
      nothing: z.int().nullish(),
      list: z.array(z.string()),
      readonly: z.array(z.int()).readonly(),
      maybeList: z.array(z.string()).nullable(),
    });
    expect(routingTypesOf({ type: "X", routing })).toEqual({
      text: "string",
      uuid: "string",
      brand: "string",
      kind: "string",
      count: "integer",
      small: "integer",
      maybe: "string?",
      nothing: "integer?",
      list: "[string]",
      readonly: "[integer]",
      maybeList: "[string]?",
    });
  });

  it.each([
    ["a fraction", z.number()],
    ["an object", z.object({})],
    ["a boolean", z.boolean()],
    ["a list of optional values", z.array(z.string().optional())],
    ["a list of lists", z.array(z.array(z.string()))],
    ["a bigint", z.int64()],
    ["a numeric enum", z.enum({ One: 1 })],
    ["a transformed value", z.string().transform(Number)],
  ])("refuses %s as a routing value", (_, value) => {
    expect(() => defineChangeEvent({ ...common, routing: z.object({ value }) })).toThrow(
      expect.objectContaining({ code: "CONTRACT_INVALID" }),
    );
  });

  it.each([
    ["type", { ...common, type: "Team Changed" }],
    ["entity", { ...common, entity: "a:b" }],
    ["topic", { ...common, topic: "team" }],
    ["fields", { ...common, fields: [] }],
    ["fields", { ...common, fields: ["name", "name"] }],
    ["routing", { ...common, routing: z.object({ subject: z.string() }) }],
    ["routing", { ...common, routing: z.object({ "a-b": z.string() }) }],
  ])("names the %s that is wrong", (field, definition) => {
    expect(() => defineChangeEvent({ routing: z.object({}), ...definition })).toThrow(field);
  });

  it("types its routing values and its fields", () => {
    const event = defineChangeEvent({ ...common, routing: z.object({ orgId: z.string() }) });
    expectTypeOf<RoutingOf<typeof event>>().toEqualTypeOf<{ orgId: string }>();
    expectTypeOf(event.fields).toEqualTypeOf<readonly "name"[]>();
  });
});

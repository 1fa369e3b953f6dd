import { z } from "zod";
import { isWellFormed } from "./cache-key.ts";
import { changeEventSchema, maxSubjectBytes } from "./change-event.ts";
import type { RoutingType } from "./define-change-event.ts";

/** What a manifest declares of an event's content. */
interface Declared {
  readonly fields: readonly string[];
  readonly routing: Readonly<Record<string, RoutingType>>;
}

const nothing = (side: string, change: string) =>
  z.null({ error: `must be null or absent: a ${change} entity has nothing ${side}` }).optional();

/**
 * The change events of one type, as their manifest declares them: what a publisher must send. Stricter than decoding,
 * which must take what a later version of the publisher adds: a field of another name in `changedFields` is refused
 * here, since it filters out views that should be invalidated.
 */
export function publishedEventSchema(type: string, { fields, routing }: Declared) {
  const side = routingSchema(routing);
  const shared = {
    version: changeEventSchema.shape.data.shape.version,
    changedFields: z
      .array(z.enum(fields, { error: `must be one of ${fields.join(", ")}` }), { error: "must be a list" })
      .nullish()
      .describe("Which fields changed, of those that the manifest declares; missing or empty: all of them"),
  };
  return changeEventSchema.extend({
    type: z.literal(type, { error: `must be ${type}` }),
    subject: changeEventSchema.shape.subject
      .refine(isWellFormed, { error: "must be well-formed Unicode: it holds a lone surrogate" })
      .refine((subject) => Buffer.byteLength(subject) <= maxSubjectBytes, {
        error: `must have at most ${maxSubjectBytes} bytes of UTF-8`,
      })
      .meta({ maxLength: maxSubjectBytes, description: `The entity's id, at most ${maxSubjectBytes} bytes` }),
    data: z.discriminatedUnion(
      "change",
      [
        z.looseObject({
          ...shared,
          change: z.literal("created"),
          before: nothing("before", "created"),
          after: side.describe("Routing values of the new row"),
        }),
        z.looseObject({
          ...shared,
          change: z.literal("updated"),
          before: side.describe("Routing values before the change"),
          after: side.describe("Routing values after the change"),
        }),
        z.looseObject({
          ...shared,
          change: z.literal("deleted"),
          before: side.describe("Routing values of the row as it was"),
          after: nothing("after", "deleted"),
        }),
      ],
      { error: "must be created, updated or deleted" },
    ),
  });
}

function routingSchema(routing: Declared["routing"]) {
  const values = Object.entries(routing).map(([name, type]) => [name, routingValueSchema(type)] as const);
  return z.looseObject(Object.fromEntries(values), {
    error: `must be an object with ${Object.keys(routing).join(", ") || "nothing in it"}`,
  });
}

function routingValueSchema(type: RoutingType): z.ZodType {
  const error = `must be ${type}`;
  const element = type.includes("string")
    ? z.string({ error }).refine(isWellFormed, { error: "must be well-formed Unicode" })
    : z.int({ error });
  const value = type.startsWith("[") ? z.array(element, { error }) : element;
  return type.endsWith("?") ? value.nullish() : value;
}

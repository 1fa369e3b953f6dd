import { z } from "zod";
import { changeEventSchema, maxSubjectBytes } from "./change-event.ts";
import { manifestSchema, poolsSchema, type PublishedEvent } from "./manifest.ts";
import { publishedEventSchema } from "./published-event.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * The JSON Schemas (draft 2020-12) of the files in a manifests folder and of every change event, for editors and other
 * languages. Two rules of a change event are beyond JSON Schema: its subject has at most 1,024 bytes of UTF-8 (here:
 * characters), and is well-formed Unicode.
 */
export function jsonSchemas(): Readonly<Record<"manifest" | "pools" | "changeEvent", JsonSchema>> {
  // "input": what people write, with everything left out that has a default.
  return {
    manifest: { ...z.toJSONSchema(manifestSchema, { io: "input" }), title: "Freshet manifest" },
    pools: { ...z.toJSONSchema(poolsSchema, { io: "input" }), title: "Freshet pools" },
    changeEvent: {
      ...z.toJSONSchema(changeEventSchema, {
        io: "input",
        override: ({ path, jsonSchema }) => {
          if (path.join(".") === "properties.subject") jsonSchema.maxLength = maxSubjectBytes;
        },
      }),
      title: "Freshet change event",
    },
  };
}

/** The JSON Schema of the change events of one type, routing values included: what its publisher must send. */
export function publishedEventJsonSchema(type: string, event: PublishedEvent): JsonSchema {
  return { ...z.toJSONSchema(publishedEventSchema(type, event), { io: "input" }), title: type };
}

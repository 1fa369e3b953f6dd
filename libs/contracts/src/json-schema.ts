import { z } from "zod";
import { manifestSchema, poolsSchema } from "./manifest.ts";

/** The JSON Schemas (draft 2020-12) of the files in a manifests folder, for editors and other languages. */
export function jsonSchemas(): Readonly<Record<"manifest" | "pools", z.core.JSONSchema.BaseSchema>> {
  // "input": what people write, with everything left out that has a default.
  return {
    manifest: { ...z.toJSONSchema(manifestSchema, { io: "input" }), title: "Freshet manifest" },
    pools: { ...z.toJSONSchema(poolsSchema, { io: "input" }), title: "Freshet pools" },
  };
}

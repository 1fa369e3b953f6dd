import { format } from "prettier";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { jsonSchemas, parseManifest, parsePools } from "./index.ts";

const view = { key: "v:{id}", pool: "p", dependsOn: [{ event: "A", params: { id: "subject" } }] };
const A = {
  entity: "a",
  topic: "a.events.v1",
  fields: ["x"],
  routing: { list: ["string"], maybe: "integer?" },
};
const onChange = { refresh: "/internal/views/v" };
const manifest = {
  $schema: "x",
  freshet: 1,
  service: "s",
  publishes: { A },
  views: { v: { ...view, onChange } },
};
const pool = { nodes: ["a:11211", "b:11211:3"], dedicated: true };

describe("the published JSON Schemas", () => {
  // After a change: npx vitest run libs/contracts/src/json-schema.spec.ts --update
  it.each(["manifest", "pools"] as const)("say the same as the code that validates: %s", async (name) => {
    const text = await format(JSON.stringify(jsonSchemas()[name]), { parser: "json", printWidth: 110 });
    await expect(text).toMatchFileSnapshot(`../../../docs/schemas/${name}.schema.json`);
  });

  it.each([
    ["a manifest", manifest],
    ["a wrong property", { ...manifest, views: { v: { ...view, depends: [] } } }],
    ["a wrong path", { ...manifest, views: { v: { ...view, onChange: { refresh: "//host" } } } }],
    ["a wrong routing type", { ...manifest, publishes: { A: { ...A, routing: { x: ["float"] } } } }],
    ["a reserved name", { ...manifest, publishes: { A: { ...A, routing: { subject: "string" } } } }],
    ["no fields", { ...manifest, publishes: { A: { ...A, fields: [] } } }],
  ])("take and refuse what the code takes and refuses: %s", (_, data) => {
    const schema = z.fromJSONSchema(jsonSchemas().manifest);
    expect(schema.safeParse(data).success).toBe(accepts(() => parseManifest(data, "a.yaml")));
  });

  it.each([
    ["pools", { freshet: 1, pools: { p: pool } }],
    ["a wrong node", { freshet: 1, pools: { p: { nodes: ["a"] } } }],
    ["another policy", { freshet: 1, pools: { p: { ...pool, onGap: "ignore" } } }],
  ])("take and refuse what the code takes and refuses: %s", (_, data) => {
    const schema = z.fromJSONSchema(jsonSchemas().pools);
    expect(schema.safeParse(data).success).toBe(accepts(() => parsePools(data, "pools.yaml")));
  });
});

function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { render } from "../../../../scripts/docs-generate.mjs";
import { openApi } from "./openapi.ts";

interface Operation {
  readonly parameters: readonly { name: string; schema: Schema }[];
}
interface Schema {
  readonly pattern?: string;
  readonly format?: string;
  readonly examples?: readonly string[];
}

test("docs/openapi.json is what the service answers; `npm run docs:settings` writes it", async () => {
  const file = new URL("../../../../docs/openapi.json", import.meta.url);
  expect(readFileSync(file, "utf8")).toBe(await render("docs/openapi.json"));
});

test("every component says what it is, and no reference leads nowhere", () => {
  const { components } = openApi() as { components: { schemas: Record<string, Record<string, unknown>> } };
  for (const [name, schema] of Object.entries(components.schemas))
    expect(schema["type"], name).toBe("object");
  const named = JSON.stringify(openApi()).matchAll(/"#\/components\/schemas\/(\w+)"/g);
  expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining([...named].map(([, name]) => name)));
});

test("the example of a parameter is one that its pattern takes", () => {
  const { paths } = openApi() as { paths: Record<string, Record<string, Operation>> };
  const schemas = Object.values(paths)
    .flatMap((operations) => Object.values(operations))
    .flatMap(({ parameters }) => parameters.map(({ name, schema }) => ({ name, ...schema })));
  for (const { name, pattern = "", examples = [] } of schemas)
    for (const example of examples) expect(example, name).toMatch(new RegExp(pattern, "u"));
  expect(schemas.filter(({ format, examples }) => format !== undefined && examples === undefined)).toEqual(
    [],
  );
});

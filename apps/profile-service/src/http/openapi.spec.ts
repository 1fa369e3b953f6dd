import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { render } from "../../../../scripts/docs-generate.mjs";

test("docs/openapi.json is what the service answers; `npm run docs:settings` writes it", async () => {
  const file = new URL("../../../../docs/openapi.json", import.meta.url);
  expect(readFileSync(file, "utf8")).toBe(await render("docs/openapi.json"));
});

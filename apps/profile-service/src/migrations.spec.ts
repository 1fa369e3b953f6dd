import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const statements = (path: string) =>
  readFileSync(new URL(path, import.meta.url), "utf8")
    .replaceAll(/--.*$/gm, "")
    .replaceAll(/\s+/g, " ")
    .trim();

test("the migration makes the outbox that the library works on", () => {
  expect(statements("../migrations/0001_outbox.sql")).toBe(statements("../../../libs/outbox/src/schema.sql"));
});

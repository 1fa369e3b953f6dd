import { parseKeyTemplate } from "@freshet/contracts";
import { expect, test } from "vitest";
import { paramsOf } from "./view-of-key.ts";

test.each([
  ["user:{id}", "user:42", { id: "42" }],
  ["a:{x}:b:{y}", "a:1:b:2", { x: "1", y: "2" }],
  ["a:{x}:{x}", "a:1:1", { x: "1" }],
  ["a:{x}:{x}", "a:1:2", undefined],
  ["user:{id}", "user:~c8687a08aa5d6ed2044328fa6a697ab8", undefined],
  ["user:{id}", "users:42", undefined],
  ["user:{id}", "user:42:7", undefined],
  ["user:{id}", "user:", undefined],
])("of %s the key %s was rendered from %o", (template, key, params) => {
  expect(paramsOf(parseKeyTemplate(template), key)).toEqual(params);
});

import { ConfigError } from "@freshet/config";
import { expect, it } from "vitest";
import { parseTokens } from "./tokens.ts";

const [first, second] = ["0123456789abcdef", "fedcba9876543210"];
const bearer = (token: string) => `Bearer ${token}`;

it("lets a token publish the types of its sources", () => {
  const tokens = parseTokens(
    `# teams\n${first} team-service TeamChanged,TeamMoved\n\n${second} a *; ${first} b *`,
  );
  expect(tokens.find(bearer(first))).toEqual(
    new Map<string, unknown>([
      ["team-service", new Set(["TeamChanged", "TeamMoved"])],
      ["b", "*"],
    ]),
  );
  expect(tokens.find(`bearer  ${second} `)).toEqual(new Map([["a", "*"]]));
  expect(tokens.unknownTypes(new Set(["TeamChanged"]))).toEqual(["TeamMoved"]);
});

it.each([
  [undefined],
  [""],
  ["Bearer"],
  [`Basic ${first}`],
  [first],
  [bearer(`${first}x`)],
  [bearer(first.slice(1))],
])("knows nobody by %j", (authorization) => {
  expect(parseTokens(`${first} a *`).find(authorization)).toBeUndefined();
});

it.each([
  ["s3cret a *", "entry 1 has a token of fewer than 16 characters"],
  [`${first} a`, "entry 1 must be `<token> <source> <type>"],
  [`${first} a *;${second} b * c`, "entry 2 must be"],
  [`${first} a *\n${first} a X`, "entry 2 names a again"],
  ["# nobody", "holds no token"],
])("refuses %j and does not repeat the token", (text, problem) => {
  expect(() => parseTokens(text)).toThrow(ConfigError);
  expect(() => parseTokens(text)).toThrow(problem);
  expect(() => parseTokens(text)).not.toThrow(first);
});

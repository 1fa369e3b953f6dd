import { readdirSync } from "node:fs";
import { parseManifest, parsePools } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { freshet } from "../../test/support/cli.ts";
import { codeBlocks, exists, read, resolveFrom } from "./documents.ts";

const document = "docs/dependencies.md";
const examples = "docs/examples/dependencies";

describe(document, () => {
  const blocks = codeBlocks(document);
  const commands = blocks.flatMap(({ language, text }, index) =>
    language === "sh" ? [{ command: text.trim(), output: blocks[index + 1]?.text ?? "" }] : [],
  );

  it("shows at least one plan for each of its events", () => {
    const events = readdirSync(examples).filter((name) => name.endsWith(".json"));
    expect(events.filter((name) => !commands.some(({ command }) => command.includes(`/${name} `)))).toEqual(
      [],
    );
  });

  it.each(commands)("shows what it prints: $command", async ({ command, output }) => {
    const [, line = ""] = /^npm run freshet -- (.*)$/.exec(command) ?? [];
    const { stdout, stderr, exitCode } = await freshet(line.split(" "));
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: output, stderr: "", exitCode: 0 });
  });

  it("has the picture that `freshet graph --mermaid` draws", async () => {
    const { stdout } = await freshet(["graph", "--mermaid", "--manifests", `${examples}/manifests`]);
    expect(read(`${examples}/graph.mmd`)).toBe(stdout);
  });
});

const schemaOf = (kind: "manifest" | "pools") =>
  z.fromJSONSchema(JSON.parse(read(`docs/schemas/${kind}.schema.json`)) as z.core.JSONSchema.JSONSchema);
const folders = [
  `${examples}/manifests`,
  "deploy/manifests",
  "examples/team-service/manifests",
  "examples/team-service/search-manifests",
];
const files = folders.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));

describe("the JSON Schemas for editors", () => {
  it.each(files)("accept %s, and are where its first line says", (file) => {
    const kind = file.endsWith("/pools.yaml") ? "pools" : "manifest";
    expect(schemaOf(kind).safeParse(parse(read(file))).error).toBeUndefined();
    const [, path] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(read(file)) ?? [];
    const isExported = read(file).includes("Written by `freshet manifests export`");
    expect(path !== undefined || !(isExported || file.startsWith(examples))).toBe(true);
    if (path !== undefined) {
      expect(resolveFrom(file, path)).toBe(`docs/schemas/${kind}.schema.json`);
      expect(exists(resolveFrom(file, path))).toBe(true);
    }
  });

  const people = read(`${examples}/manifests/people.yaml`);
  const pools = parsePools(parse(read(`${examples}/manifests/pools.yaml`)), "pools.yaml");
  const compiles = (text: string) => {
    const manifest = parseManifest(parse(text), "people.yaml");
    return compile([{ file: "people.yaml", manifest }], pools);
  };

  it("leave a right manifest to compile", () => {
    expect(compiles(people).events.map(({ type }) => type)).toEqual(["PersonChanged"]);
  });

  it.each([
    ["a misspelt property", "dependsOn:", "dependOn:"],
    ["another action", "onChange: { refresh: /internal/views/person }", "onChange: renew"],
    ["a refresh with a host", "/internal/views/person", "http://people/internal/views/person"],
    ["a topic without events", "person.events.v1", "person.v1"],
    ["a routing type that there is not", "handle: string,", "handle: text,"],
    ["a former key that is no list", '["team_members:{teamId}"]', '"team_members:{teamId}"'],
    ["a path into a routing value", "handle: handle }", "handle: handle.first }"],
  ])("refuse what the compiler refuses: %s", (_, right, wrong) => {
    const text = people.replace(right, wrong);
    expect(text).not.toBe(people);
    expect(() => compiles(text)).toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
    expect(schemaOf("manifest").safeParse(parse(text)).success).toBe(false);
  });
});

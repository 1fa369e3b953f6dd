import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { defineManifest, type Manifest } from "@freshet/contracts";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ProfileChanged, teamDirectory } from "../../examples/team-service/src/profile-contract.ts";
import { published } from "../pack.mjs";
import { exportedManifests, manifestFile } from "../export-manifests.mjs";

test("every manifest is what its code says; `npm run manifests:export` writes them", async () => {
  for (const { path, text } of await exportedManifests()) expect(readFileSync(path, "utf8"), path).toBe(text);
});

test("what the example knows of profile-service is what profile-service says of itself", () => {
  const { publishes, views } = parse(readFileSync(manifestFile("profile-service"), "utf8")) as Manifest;
  const copy = defineManifest({
    service: "profile-service",
    publishes: [ProfileChanged],
    views: [teamDirectory],
  });
  expect(copy.publishes["ProfileChanged"]).toEqual(publishes["ProfileChanged"]);
  const { key, pool, dependsOn } = views["team_directory"] ?? {};
  expect(copy.views["team_directory"]).toMatchObject({ key, pool, dependsOn });
});

test("the second service is a whole one in under 300 lines, of published packages alone", () => {
  const root = "examples/team-service/src";
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => ({ path: join(root, file), text: readFileSync(join(root, file), "utf8") }));
  const ofTheService = files.filter(({ path }) => !path.includes("/search-reader/"));
  const lines = ofTheService.flatMap(({ text }) => text.split("\n")).filter((line) => line.trim() !== "");
  expect(lines.length).toBeLessThan(300);

  const { dependencies } = JSON.parse(readFileSync("examples/team-service/package.json", "utf8")) as {
    dependencies: Record<string, string>;
  };
  const ours = new Set(published().map(({ name }) => name));
  expect(Object.keys(dependencies).filter((name) => name.startsWith("@freshet/") && !ours.has(name))).toEqual(
    [],
  );
  for (const { path, text } of files)
    for (const [, from = ""] of text.matchAll(/(?:from|import|resolve\()\s*"([^"]+)"/g)) {
      const name = /^(@[^/]+\/)?[^/]+/.exec(from)?.[0] ?? "";
      if (from.startsWith(".")) expect(relative(root, join(path, "..", from)), path).not.toMatch(/^\.\./);
      else
        expect([...Object.keys(dependencies), ...builtinModules.map((one) => `node:${one}`)]).toContain(
          from.startsWith("node:") ? from : name,
        );
    }
});

import { readFileSync } from "node:fs";
import { defineManifest, type Manifest } from "@freshet/contracts";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ProfileChanged, teamDirectory } from "../../examples/team-service/src/profile-contract.ts";
import { manifest as searchReader } from "../../examples/team-service/src/search-reader/contract.ts";
import { manifest as teamService } from "../../examples/team-service/src/contract.ts";
import { manifestFile, renderManifest } from "../export-manifests.mjs";

test.each([teamService, searchReader])(
  "the example's manifest of $service is what its code says; `npm run manifests:export` writes it",
  (manifest) => {
    expect(readFileSync(manifestFile(manifest.service), "utf8")).toBe(renderManifest(manifest));
  },
);

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

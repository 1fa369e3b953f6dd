import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { manifest as searchReader } from "../../examples/team-service/src/search-reader/contract.ts";
import { manifest as teamService } from "../../examples/team-service/src/contract.ts";
import { manifestFile, renderManifest } from "../export-manifests.mjs";

test.each([teamService, searchReader])(
  "the example's manifest of $service is what its code says; `npm run manifests:export` writes it",
  (manifest) => {
    expect(readFileSync(manifestFile(manifest.service), "utf8")).toBe(renderManifest(manifest));
  },
);

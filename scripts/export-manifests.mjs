// npm run manifests:export: `freshet manifests export` for each service of this repository.
import { writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { renderManifest } from "../apps/cli/src/manifest-file.ts";

const SCHEMA = fileURLToPath(new URL("../docs/schemas/manifest.schema.json", import.meta.url));

/** Where each service's manifest lies, and the module that says what is in it. */
const EXPORTED = new Map([
  [
    "profile-service",
    { file: "deploy/manifests/profile-service.yaml", from: "apps/profile-service/src/views.ts" },
  ],
  [
    "team-service",
    {
      file: "examples/team-service/manifests/team-service.yaml",
      from: "examples/team-service/src/contract.ts",
    },
  ],
  [
    "search-reader",
    {
      file: "examples/team-service/manifests/search-reader.yaml",
      from: "examples/team-service/src/search-reader/contract.ts",
    },
  ],
]);

/**
 * Where the manifest of a service lies.
 * @param {string} service
 */
export function manifestFile(service) {
  const { file = `deploy/manifests/${service}.yaml` } = EXPORTED.get(service) ?? {};
  return fileURLToPath(new URL(`../${file}`, import.meta.url));
}

/**
 * What stands in the file of a service's manifest.
 * @param {import("@freshet/contracts").Manifest} manifest
 */
export function manifestText(manifest) {
  return renderManifest(manifest, relative(dirname(manifestFile(manifest.service)), SCHEMA));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [service, { from }] of EXPORTED) {
    /** @type {{ manifest: import("@freshet/contracts").Manifest }} */
    const { manifest } = await import(`../${from}`);
    writeFileSync(manifestFile(service), manifestText(manifest));
    console.log(`written: ${manifestFile(service)}`);
  }

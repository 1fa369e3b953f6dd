// npm run manifests:export: `freshet manifests export` for each service of this repository.
import { writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { renderManifest } from "../apps/cli/src/manifest-file.ts";

const SCHEMA = fileURLToPath(new URL("../docs/schemas/manifest.schema.json", import.meta.url));

/** Where each service's manifest lies, the module that says what is in it, and where it lies as well. */
/** @type {ReadonlyMap<string, { file: string, from: string, copy?: string }>} service → its manifest */
const EXPORTED = new Map([
  [
    "profile-service",
    {
      file: "deploy/manifests/profile-service.yaml",
      from: "apps/profile-service/src/views.ts",
      // An invalidator is given one folder: this one is for both services.
      copy: "examples/team-service/manifests/profile-service.yaml",
    },
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
      file: "examples/team-service/search-manifests/search-reader.yaml",
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
  return pathOf(file);
}

/** Every file that `npm run manifests:export` writes, with what should stand in it. */
export async function exportedManifests() {
  const written = [];
  for (const { file, from, copy } of EXPORTED.values()) {
    /** @type {{ manifest: import("@freshet/contracts").Manifest }} */
    const { manifest } = await import(`../${from}`);
    for (const path of copy === undefined ? [file] : [file, copy])
      written.push({
        path: pathOf(path),
        text: renderManifest(manifest, relative(dirname(pathOf(path)), SCHEMA)),
      });
  }
  return written;
}

/** @param {string} file */
function pathOf(file) {
  return fileURLToPath(new URL(`../${file}`, import.meta.url));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const { path, text } of await exportedManifests()) {
    writeFileSync(path, text);
    console.log(`written: ${path}`);
  }

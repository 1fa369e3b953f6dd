// npm run manifests:export: `freshet manifests export` for each service of this repository.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { renderManifest } from "../apps/cli/src/manifest-file.ts";

export { renderManifest };

/**
 * Where the manifest of a service lies.
 * @param {string} service
 */
export function manifestFile(service) {
  return fileURLToPath(new URL(`../deploy/manifests/${service}.yaml`, import.meta.url));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { manifest } = await import("../apps/profile-service/src/views.ts");
  writeFileSync(manifestFile(manifest.service), renderManifest(manifest));
  console.log(`written: ${manifestFile(manifest.service)}`);
}

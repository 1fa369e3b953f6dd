import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";

/**
 * The file of a manifest: what the invalidator loads. Lists that are empty say nothing.
 * @param {import("@freshet/contracts").Manifest} manifest
 */
export function renderManifest(manifest) {
  const yaml = stringify(manifest, (_key, value) =>
    Array.isArray(value) && value.length === 0 ? undefined : value,
  );
  return `# Written by \`npm run manifests:export\` from the views of ${manifest.service}; do not edit.\n${yaml}`;
}

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

import type { Manifest } from "@freshet/contracts";
import { stringify } from "yaml";

/** The YAML file of a manifest: what the invalidator loads. Lists that are empty say nothing. Pure. */
export function renderManifest(manifest: Manifest): string {
  const yaml = stringify(manifest, (_key: string, value: unknown) =>
    Array.isArray(value) && value.length === 0 ? undefined : value,
  );
  return `# Written by \`freshet manifests export\` from the views of ${manifest.service}; do not edit.\n${yaml}`;
}

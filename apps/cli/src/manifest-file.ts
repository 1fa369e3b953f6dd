import type { Manifest } from "@freshet/contracts";
import { stringify } from "yaml";

/**
 * The YAML file of a manifest: what the invalidator loads. Lists that are empty say nothing. `schema`: where editors
 * find the JSON Schema, as a path from the file, or a URL. Pure.
 */
export function renderManifest(manifest: Manifest, schema?: string): string {
  const yaml = stringify(manifest, (_key: string, value: unknown) =>
    Array.isArray(value) && value.length === 0 ? undefined : value,
  );
  const editors = schema === undefined ? "" : `# yaml-language-server: $schema=${schema}\n`;
  return `${editors}# Written by \`freshet manifests export\` from the views of ${manifest.service}; do not edit.\n${yaml}`;
}

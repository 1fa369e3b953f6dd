import { readManifestsFolder } from "@freshet/config";
import type { Pools } from "@freshet/contracts";
import { compile, type DependencyGraph } from "@freshet/dependency-graph";

/** What a manifests folder holds, compiled. */
export interface LoadedManifests {
  readonly graph: DependencyGraph;
  readonly pools: Pools;
}

/**
 * Loads every manifest of a folder and pools.yaml beside them. A wrong set is refused as a whole.
 * @throws FreshetError MANIFEST_INVALID with file, path, what is wrong and how to mend it
 */
export async function loadManifests(folder: string): Promise<LoadedManifests> {
  const { sources, pools } = await readManifestsFolder(folder);
  return { graph: compile(sources, pools), pools };
}

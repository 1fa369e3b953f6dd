import { createHash } from "node:crypto";
import { type ManifestsFolder, readManifestsFolder } from "@freshet/config";
import type { Pools } from "@freshet/contracts";
import { compile, type DependencyGraph } from "@freshet/dependency-graph";

/** What a manifests folder says, not compiled yet. */
export interface ReadManifests extends ManifestsFolder {
  /** Equal for folders that say the same: first 8 hex digits of a SHA-256. */
  readonly hash: string;
}

/** What a manifests folder holds, compiled. */
export interface LoadedManifests {
  readonly graph: DependencyGraph;
  readonly pools: Pools;
  readonly hash: string;
}

/**
 * Loads every manifest of a folder and pools.yaml beside them. A wrong set is refused as a whole.
 * @throws FreshetError MANIFEST_INVALID with file, path, what is wrong and how to mend it
 */
export async function loadManifests(folder: string): Promise<LoadedManifests> {
  return compileManifests(await readManifests(folder));
}

/** @throws FreshetError MANIFEST_INVALID with the problems of every file */
export async function readManifests(folder: string): Promise<ReadManifests> {
  const { sources, pools } = await readManifestsFolder(folder);
  const said = JSON.stringify({ sources, pools });
  return { sources, pools, hash: createHash("sha256").update(said).digest("hex").slice(0, 8) };
}

/** @throws FreshetError MANIFEST_INVALID for manifests that do not fit together */
export function compileManifests({ sources, pools, hash }: ReadManifests): LoadedManifests {
  return { graph: compile(sources, pools), pools, hash };
}

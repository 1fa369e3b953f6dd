import { existsSync } from "node:fs";
import { type Environment, readManifestsFolder } from "@freshet/config";
import { compile, type DependencyGraph } from "@freshet/dependency-graph";
import { manifestsFolder } from "./config.ts";

/**
 * The manifests of a folder, compiled.
 * @throws ManifestError with every problem of the set
 */
async function loadGraph(folder: string): Promise<DependencyGraph> {
  const { sources, pools } = await readManifestsFolder(folder);
  return compile(sources, pools);
}

/**
 * The manifests that the options or the environment name.
 * @throws ManifestError
 */
export async function namedGraph(
  environment: Environment,
  given: string | undefined,
): Promise<DependencyGraph> {
  return await loadGraph(manifestsFolder(environment, given).folder);
}

/**
 * The same, but undefined when nobody named a folder and the default one is not there.
 * @throws ManifestError
 */
export async function graphIfThere(
  environment: Environment,
  given: string | undefined,
): Promise<DependencyGraph | undefined> {
  const { folder, named } = manifestsFolder(environment, given);
  return named || existsSync(folder) ? await loadGraph(folder) : undefined;
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Environment, readManifestsFolder } from "@freshet/config";
import { type Manifest, ManifestError, type ManifestProblem, type Pools } from "@freshet/contracts";
import { compile, type DependencyGraph } from "@freshet/dependency-graph";
import { manifestsFolder } from "./config.ts";

/** What a folder says: the graph, what it was made of, and the pools as pools.yaml has them. */
interface Loaded {
  readonly graph: DependencyGraph;
  readonly manifests: readonly Manifest[];
  readonly pools: Pools;
}

/**
 * The manifests of a folder, compiled.
 * @throws ManifestError with what is wrong in the set, each file with its folder: names and forms first, what they refer to once those are right
 */
export async function loadGraph(folder: string): Promise<DependencyGraph> {
  return (await load(folder)).graph;
}

/**
 * The manifests of a folder, which fit together.
 * @throws ManifestError as loadGraph does
 */
export async function loadManifests(folder: string): Promise<readonly Manifest[]> {
  return (await load(folder)).manifests;
}

async function load(folder: string): Promise<Loaded> {
  try {
    const { sources, pools } = await readManifestsFolder(folder);
    return { graph: compile(sources, pools), manifests: sources.map(({ manifest }) => manifest), pools };
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const inFolder = ({ file, ...problem }: ManifestProblem) => ({
      file: file === folder ? folder : join(folder, file),
      ...problem,
    });
    throw new ManifestError(error.problems.map(inFolder));
  }
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
 * The same, with the pools.
 * @throws ManifestError
 */
export async function namedManifests(environment: Environment, given: string | undefined): Promise<Loaded> {
  return await load(manifestsFolder(environment, given).folder);
}

/**
 * The graph, but undefined when nobody named a folder and the default one is not there.
 * @throws ManifestError
 */
export async function graphIfThere(
  environment: Environment,
  given: string | undefined,
): Promise<DependencyGraph | undefined> {
  const { folder, named } = manifestsFolder(environment, given);
  return named || existsSync(folder) ? await loadGraph(folder) : undefined;
}

/** The topics of the events that these manifests publish, sorted. Pure. */
export function topicsOf({ events }: DependencyGraph): string[] {
  return [...new Set(events.map(({ topic }) => topic))].sort();
}

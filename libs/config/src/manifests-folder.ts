import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import {
  type Manifest,
  ManifestError,
  type ManifestProblem,
  parseManifest,
  parsePools,
  type Pools,
} from "@freshet/contracts";
import { mostBytes, parseYaml } from "./parse-yaml.ts";

/** The manifests of a folder and its pools.yaml, each valid by itself; whether they fit together `compile` says. */
export interface ManifestsFolder {
  readonly sources: readonly { readonly file: string; readonly manifest: Manifest }[];
  readonly pools: Pools;
}

const poolsFile = "pools.yaml";
const extensions = new Set([".yaml", ".yml", ".json"]);
const wholeFile = "(the file)";

/**
 * Reads every manifest of a folder (*.yaml, *.yml, *.json) and the pools.yaml beside them.
 * @throws ManifestError with the problems of every file
 */
export async function readManifestsFolder(folder: string): Promise<ManifestsFolder> {
  const problems: ManifestProblem[] = [];
  const names: string[] = await readdir(folder).catch((cause: unknown) => {
    const mend = "name the folder that holds the manifests and pools.yaml (MANIFESTS_DIR)";
    problems.push({ file: folder, path: "(the folder)", problem: `it can't be read (${why(cause)})`, mend });
    return [];
  });
  if (problems.length === 0 && !names.includes(poolsFile))
    problems.push({
      file: poolsFile,
      path: wholeFile,
      problem: `${folder} holds no ${poolsFile}`,
      mend: "add it: it lists the memcached pools",
    });

  /** The parsed file, or undefined when its problems were noted. */
  const read = async <Parsed>(file: string, parse: (data: unknown, file: string) => Parsed) => {
    try {
      return parse(await readData(folder, file), file);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const pools = names.includes(poolsFile) ? await read(poolsFile, parsePools) : undefined;
  const files = names.filter((name) => extensions.has(extname(name)) && name !== poolsFile).sort();
  const sources: { file: string; manifest: Manifest }[] = [];
  for (const file of files) {
    const manifest = await read(file, parseManifest);
    if (manifest !== undefined) sources.push({ file, manifest });
  }
  if (problems.length > 0 || pools === undefined) throw new ManifestError(problems);
  return { sources, pools };
}

async function readData(folder: string, file: string): Promise<unknown> {
  const bytes = await readFile(join(folder, file)).catch((cause: unknown) => {
    const problem = `it can't be read (${why(cause)})`;
    throw new ManifestError([{ file, path: wholeFile, problem, mend: "make it a readable file" }]);
  });
  if (bytes.length > mostBytes) {
    const problem = `it has ${bytes.length} bytes; a file may have ${mostBytes}`;
    throw new ManifestError([{ file, path: wholeFile, problem, mend: "split it: a folder may hold many" }]);
  }
  return parseYaml(bytes.toString("utf8"), file);
}

function why(cause: unknown): string {
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  return cause instanceof Error ? cause.message : String(cause);
}

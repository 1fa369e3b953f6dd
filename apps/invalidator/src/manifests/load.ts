import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { FreshetError, type Manifest, parseManifest, parsePools, type Pools } from "@freshet/contracts";
import { compile, type DependencyGraph } from "@freshet/dependency-graph";
import { parse as parseYaml, YAMLParseError } from "yaml";

/** What a manifests folder holds, compiled. */
export interface LoadedManifests {
  readonly graph: DependencyGraph;
  readonly pools: Pools;
}

const poolsFile = "pools.yaml";
const extensions = new Set([".yaml", ".yml", ".json"]);

/**
 * Loads every manifest of a folder and pools.yaml beside them. A wrong set is refused as a whole.
 * @throws FreshetError MANIFEST_INVALID with file, path, what is wrong and how to mend it
 */
export async function loadManifests(folder: string): Promise<LoadedManifests> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new FreshetError("MANIFEST_INVALID", `the folder ${folder} cannot be read: set MANIFESTS_DIR`, {
      cause,
    });
  });
  if (!names.includes(poolsFile))
    throw new FreshetError(
      "MANIFEST_INVALID",
      `${folder} holds no ${poolsFile}: it lists the memcached pools`,
    );
  const pools = parsePools(await readData(join(folder, poolsFile)), poolsFile);
  const files = names.filter((name) => extensions.has(extname(name)) && name !== poolsFile).sort();
  const manifests = await Promise.all(
    files.map(async (file): Promise<{ file: string; manifest: Manifest }> => ({
      file,
      manifest: parseManifest(await readData(join(folder, file)), file),
    })),
  );
  return { graph: compile(manifests, pools), pools };
}

async function readData(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8");
  try {
    return parseYaml(text, { maxAliasCount: 0 });
  } catch (error) {
    if (!(error instanceof YAMLParseError) && !(error instanceof ReferenceError)) throw error;
    throw new FreshetError("MANIFEST_INVALID", `${path}: not valid YAML: ${error.message}`, { cause: error });
  }
}

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A folder of the user's for what the tests of an example need, shared by all clones. */
export function cacheFolder(name: string): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "freshet", name);
}

/** What Python needs to import the requirements of an example, as PYTHONPATH; or why it can't, and what to install. */
export type Python = { readonly path: string } | { readonly missing: string };

/** Finds Python and an example's one requirement, which is installed once into the user's cache folder. */
export function findPython(example: string, module: string): Python {
  const file = fileURLToPath(new URL(`../../examples/${example}/requirements.txt`, import.meta.url));
  const requirement = readFileSync(file, "utf8").trim();
  if (!runs(["--version"])) return { missing: "no python3: apt-get install python3 python3-pip" };
  const target = cacheFolder(`python-${requirement.replace("==", "-")}`);
  if (!existsSync(target)) {
    const draft = `${target}.installing-${process.pid}`;
    mkdirSync(draft, { recursive: true });
    if (runs(["-m", "pip", "install", "--quiet", "--no-deps", "--target", draft, requirement]))
      place(draft, target);
    else rmSync(draft, { recursive: true, force: true });
  }
  if (runs(["-c", `import ${module}`], target)) return { path: target };
  return {
    missing: `python3 has no ${module} and pip could not install it: python3 -m pip install ${requirement}`,
  };
}

/** Two test runs may install at once: whose rename comes second has nothing to do. */
export function place(draft: string, target: string): void {
  try {
    renameSync(draft, target);
  } catch {
    rmSync(draft, { recursive: true, force: true });
  }
}

function runs(args: readonly string[], path = ""): boolean {
  const env = { ...process.env, PYTHONPATH: path };
  return spawnSync("python3", args, { env, stdio: "ignore", timeout: 120_000 }).status === 0;
}

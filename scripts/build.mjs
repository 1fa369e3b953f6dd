// Compiles apps, libraries and examples, and copies what is not TypeScript (SQL, page assets) from src to dist.
import { cpSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./local/run-command.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The folders of all apps, libraries and examples in TypeScript. */
export function packages() {
  return ["libs", "apps", "examples"]
    .filter((group) => existsSync(join(ROOT, group)))
    .flatMap((group) => readdirSync(join(ROOT, group)).map((name) => join(ROOT, group, name)))
    .filter((folder) => existsSync(join(folder, "tsconfig.json")));
}

/** @param {AbortSignal} [signal] */
export async function build(signal) {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  await runCommand(process.execPath, [tsc, "-b", ...packages()], { signal, cwd: ROOT });
  for (const dir of packages())
    cpSync(join(dir, "src"), join(dir, "dist"), {
      recursive: true,
      filter: (source) => statSync(source).isDirectory() || !source.endsWith(".ts"),
    });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

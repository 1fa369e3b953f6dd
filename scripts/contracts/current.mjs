// The contracts as they are now, and as they were released: contracts/released/<version>/.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { settingsTable } from "@freshet/config";
import { errorCodes, undecodableReasons } from "@freshet/contracts";
import { format } from "prettier";
import { z } from "zod";
import { auditorSettings } from "../../apps/auditor/src/config.ts";
import { cliSettings } from "../../apps/cli/src/config.ts";
import { commandPaths } from "../../apps/cli/src/program.ts";
import { invalidatorSettings } from "../../apps/invalidator/src/config.ts";
import { profileServiceSettings } from "../../apps/profile-service/src/config.ts";
import { published } from "../pack.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RELEASED = join(ROOT, "contracts/released");
/** Schemas of what others write; the rest of docs/schemas is what they read. */
const WRITTEN = new Set(["manifest.schema.json", "pools.schema.json", "change-event.schema.json"]);

const namesFile = z.record(z.string(), z.array(z.string()));

/** Every name that users build on, by kind. */
export function currentNames() {
  const settings = [
    profileServiceSettings(false),
    invalidatorSettings(false),
    auditorSettings(false),
    cliSettings(false),
  ].flatMap((schema) => settingsTable(schema).map(({ name }) => name));
  /** @type {Record<string, string[]>} */
  const names = {
    "error code": Object.keys(errorCodes),
    "reason of a dead letter": [...undecodableReasons],
    metric: tableOf("docs/metrics.md"),
    setting: [...new Set(settings)],
    command: commandPaths().map((path) => path.join(" ")),
    export: exportsOfPackages(),
  };
  return Object.fromEntries(Object.entries(names).map(([kind, list]) => [kind, [...list].sort()]));
}

/**
 * The last release that the repository keeps, and where its manifests are.
 * @throws Error when there is none
 */
export function lastRelease() {
  const versions = readdirSync(RELEASED).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const version = versions.at(-1);
  if (version === undefined) throw new Error("contracts/released is empty: npm run contracts:release");
  const folder = join(RELEASED, version);
  return {
    version,
    manifests: join(folder, "manifests"),
    names: namesFile.parse(JSON.parse(readFileSync(join(folder, "names.json"), "utf8"))),
    schemas: readdirSync(join(folder, "schemas")).map((file) => ({
      file,
      direction: WRITTEN.has(file) ? /** @type {const} */ ("written") : /** @type {const} */ ("read"),
      released: schema(join(folder, "schemas", file)),
      current: existsSync(join(ROOT, "docs/schemas", file))
        ? schema(join(ROOT, "docs/schemas", file))
        : undefined,
    })),
  };
}

/**
 * Keeps the contracts as they are now as those of a version.
 * @param {string} version
 */
export async function release(version) {
  const folder = join(RELEASED, version);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "schemas"), { recursive: true });
  cpSync(join(ROOT, "deploy/manifests"), join(folder, "manifests"), { recursive: true });
  for (const file of readdirSync(join(ROOT, "docs/schemas")))
    if (file.endsWith(".schema.json"))
      cpSync(join(ROOT, "docs/schemas", file), join(folder, "schemas", basename(file)));
  const names = await format(JSON.stringify(currentNames()), { parser: "json", printWidth: 110 });
  writeFileSync(join(folder, "names.json"), names);
  return folder;
}

/** @param {string} document whose table rows begin with a name in code */
function tableOf(document) {
  const rows = readFileSync(join(ROOT, document), "utf8").matchAll(/^\| `(freshet_\w+)` /gm);
  return [...rows].map(([, name = ""]) => name);
}

/** `package: name` of everything that an index.ts exports. */
function exportsOfPackages() {
  return published()
    .filter(({ folder }) => existsSync(join(folder, "src/index.ts")))
    .flatMap(({ name, folder }) =>
      [...readFileSync(join(folder, "src/index.ts"), "utf8").matchAll(/\{([^}]*)\}/g)]
        .flatMap(([, list = ""]) => list.split(","))
        .map((one) => one.trim().replace(/^type /, ""))
        .filter((one) => one !== "")
        .map((one) => `${name}: ${one}`),
    );
}

/**
 * @param {string} path
 * @returns {import("./breaks.mjs").Schema}
 */
function schema(path) {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, "utf8")));
}

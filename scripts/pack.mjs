// npm run pack -- --to <folder>: the tarballs that are published, and what is in each of them.
// `npm pack` of a package's own folder would publish what only this workspace understands: the condition by which its
// tests run the sources, and "*" for "the one beside me".
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { build, packages } from "./build.mjs";
import { run } from "./compose/stack.mjs";

const SOURCE_CONDITION = "@freshet/source";
const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** What lies elsewhere in the repository and is published with a package: package → its folder → files. */
const ADDED = new Map([
  ["@freshet/contracts", { to: "schemas", from: ["manifest", "pools", "change-event"].map(schema) }],
]);

const packageJson = z.looseObject({
  name: z.string(),
  version: z.string(),
  private: z.boolean().optional(),
  exports: z.record(z.string(), z.union([z.string(), z.record(z.string(), z.string())])).default({}),
  dependencies: z.record(z.string(), z.string()).default({}),
});
const packed = z.array(
  z.object({ name: z.string(), filename: z.string(), files: z.array(z.object({ path: z.string() })) }),
);

/** The packages that are published: name and folder. */
export function published() {
  return packages()
    .map((folder) => ({ folder, ...read(folder) }))
    .filter(({ name, private: isPrivate }) => name.startsWith("@freshet/") && isPrivate !== true)
    .map(({ name, folder }) => ({ name, folder }));
}

/**
 * The package.json that is published for that of the workspace. Pure.
 * @param {z.infer<typeof packageJson>} own
 * @param {(name: string) => string} versionOf version of another package of this workspace
 */
function publishedManifest(own, versionOf) {
  return {
    ...without(own, "scripts", "devDependencies"),
    exports: mapValues(own.exports, (target) =>
      typeof target === "string" ? target : without(target, SOURCE_CONDITION),
    ),
    dependencies: mapValues(own.dependencies, (range, name) =>
      range === "*" ? `^${versionOf(name)}` : range,
    ),
  };
}

/**
 * @param {Readonly<Record<string, unknown>>} record
 * @param {string[]} names
 */
function without(record, ...names) {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

/**
 * @template Value
 * @param {Readonly<Record<string, Value>>} record
 * @param {(value: Value, name: string) => unknown} change
 */
function mapValues(record, change) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
}

/**
 * Writes the tarball of every published package into a folder. What is built must be up to date.
 * @param {string} folder
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ name: string, filename: string, files: string[] }[]>}
 */
export async function pack(folder, signal) {
  mkdirSync(folder, { recursive: true });
  const folders = published().map(({ folder: of }) => of);
  const versions = new Map(folders.map(read).map(({ name, version }) => [name, version]));
  const versionOf = (/** @type {string} */ name) => {
    const version = versions.get(name);
    if (version === undefined) throw new Error(`${name} is not published, but a published package needs it`);
    return version;
  };
  const stage = mkdtempSync(join(tmpdir(), "freshet-pack-"));
  try {
    const staged = folders.map((from) => {
      const to = join(stage, basename(from));
      cpSync(from, to, { recursive: true, filter: (path) => isCurrent(from, path) });
      const own = read(from);
      const added = ADDED.get(own.name);
      for (const file of added?.from ?? []) cpSync(file, join(to, added?.to ?? "", basename(file)));
      const manifest = JSON.stringify(publishedManifest(own, versionOf), undefined, 2);
      writeFileSync(join(to, "package.json"), `${manifest}\n`);
      return to;
    });
    const args = ["pack", "--json", "--ignore-scripts", `--pack-destination=${resolve(folder)}`, ...staged];
    return packed
      .parse(JSON.parse(await run("npm", args, { signal })))
      .map(({ name, filename, files }) => ({ name, filename, files: files.map(({ path }) => path).sort() }));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/**
 * Whether a file may be published: one of dist whose source was deleted stays there until somebody removes it.
 * @param {string} folder of the package
 * @param {string} path
 */
function isCurrent(folder, path) {
  if (basename(path) === "node_modules") return false;
  const [, inDist] = path.slice(folder.length).match(/^\/dist\/(.*)$/) ?? [];
  const source = inDist?.replace(/(\.d)?\.ts(\.map)?$|\.js(\.map)?$/, ".ts");
  return source === undefined || existsSync(join(folder, "src", source)) || source === ".tsbuildinfo";
}

/** @param {string} name */
function schema(name) {
  return join(ROOT, "docs/schemas", `${name}.schema.json`);
}

/** @param {string} folder */
function read(folder) {
  return packageJson.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { to: { type: "string", default: "dist-packages" } } });
  await build();
  for (const { filename, files } of await pack(values.to))
    console.log(`${join(values.to, filename)}: ${files.length} files`);
}

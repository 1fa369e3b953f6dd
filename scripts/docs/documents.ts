import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A fenced block of a document; `note` is the HTML comment on the line above it. */
export interface CodeBlock {
  readonly document: string;
  readonly line: number;
  readonly language: string;
  readonly note: string;
  readonly text: string;
}

/** Every document of the repository, by its path from the root. */
export const documents: readonly string[] = [
  ...readdirSync(root),
  ...["docs", "deploy", "examples"].flatMap(filesBelow),
  ...["libs", "apps"].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => `${group}/${name}/README.md`),
  ),
].filter((path) => path.endsWith(".md") && exists(path));

/** The text of a file of the repository. */
export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** A path that stands in a document, as a path from the root. */
export function resolveFrom(document: string, target: string): string {
  return relative(root, join(root, dirname(document), target));
}

/** The document without its fenced blocks. */
export function prose(document: string): string {
  return read(document).replaceAll(/^```.*?^```$/gms, "");
}

/** The targets of a text's links, in order. */
export function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** The fenced blocks of a document, in order. */
export function codeBlocks(document: string): CodeBlock[] {
  const text = read(document);
  const fences = text.matchAll(/(?:^<!-- ([^\n]*) -->\n\n?)?^```(\w*)\n(.*?)^```$/gms);
  return [...fences].map(({ index, 1: note = "", 2: language = "", 3: block = "" }) => ({
    document,
    line: text.slice(0, index).split("\n").length,
    language,
    note,
    text: block,
  }));
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(document: string): Set<string> {
  return new Set(
    [...prose(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** The paths of what the apps and libraries are compiled from. */
export function sources(): string[] {
  return ["apps", "libs"]
    .flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}/src`))
    .flatMap(filesBelow)
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".spec.ts"));
}

/** Whether a path from the root is there. */
export function exists(path: string): boolean {
  return existsSync(join(root, path));
}

function filesBelow(folder: string): string[] {
  if (!exists(folder)) return [];
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return paths.filter((path) => !path.includes("node_modules")).map((path) => join(folder, path));
}

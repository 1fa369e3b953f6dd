import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FreshetError } from "@freshet/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readManifestsFolder } from "./manifests-folder.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "freshet-manifests-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const pools = "freshet: 1\npools:\n  p: { nodes: ['127.0.0.1:11211'] }\n";

function given(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** `file: path` of every problem. */
async function problems(of = folder): Promise<string[]> {
  const error = await readManifestsFolder(of).catch((thrown: unknown) => thrown);
  if (!(error instanceof FreshetError)) throw new Error("nothing was refused");
  expect(error.code).toBe("MANIFEST_INVALID");
  return error.message.split("\n").map((line) => line.split(": ", 2).join(": "));
}

describe("readManifestsFolder", () => {
  it("reads YAML and JSON, and leaves other files alone", async () => {
    given({
      "pools.yaml": pools,
      "a.yaml": "freshet: 1\nservice: a\n",
      "b.json": '{"freshet":1,"service":"b"}',
      "README.md": "not a manifest",
    });
    const { sources, pools: found } = await readManifestsFolder(folder);
    expect(sources.map(({ file, manifest }) => [file, manifest.service])).toEqual([
      ["a.yaml", "a"],
      ["b.json", "b"],
    ]);
    expect(Object.keys(found)).toEqual(["p"]);
  });

  it("names the problems of every file at once, a YAML error by its line", async () => {
    given({
      "pools.yaml": "freshet: 1\npools: { p: { nodes: [] } }\n",
      "a.yaml": "freshet: 2\nservice: A\n",
      "b.yaml": "freshet: 1\nservice: b\nservice: b\n",
      "c.yaml": "freshet: 1\nservice: &s c\nviews: *s\n",
    });
    expect(await problems()).toEqual([
      "pools.yaml: pools.p.nodes",
      "a.yaml: freshet",
      "a.yaml: service",
      "b.yaml: line 3",
      "c.yaml: (the file)",
    ]);
  });

  it("says that pools.yaml, or the folder, is missing", async () => {
    expect(await problems()).toEqual(["pools.yaml: (the file)"]);
    expect(await problems(join(folder, "nowhere"))).toEqual([`${join(folder, "nowhere")}: (the folder)`]);
  });

  it("refuses a file that is larger than a manifest may be, and names the limit", async () => {
    given({ "pools.yaml": pools, "a.yaml": `# ${"x".repeat(4 * 1_024 * 1_024)}\n` });
    const refused = await readManifestsFolder(folder).catch((thrown: unknown) => String(thrown));
    expect(refused).toContain("a.yaml: (the file): it has 4194307 bytes; a file may have 4194304");
  });

  it.each([
    ["brackets", "["],
    ["braces, each closed in a text", '{"}":'],
    ["dashes of one line", "- "],
    ["questions of one line", "? "],
    ["keys of one line", "x: "],
    ["keys of one line, behind a brace that stays open", "x: ", "a: { b: c,"],
  ])("refuses %s without end, instead of ending with its stack", async (_, level, before = "") => {
    given({ "pools.yaml": pools, "a.yaml": before + level.repeat(500_000) });
    expect(await problems()).toEqual(["a.yaml: (the file)"]);
  });

  it("refuses lines that are each deeper than the last, and reads many keys in one line", async () => {
    const line = (_: unknown, depth: number) => `${" ".repeat(depth)}a:\n`;
    given({ "pools.yaml": pools, "a.yaml": Array.from({ length: 2_000 }, line).join("") });
    expect(await problems()).toEqual(["a.yaml: (the file)"]);
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`p${n}`, { nodes: ["a:1"] }]));
    given({
      "pools.yaml": JSON.stringify({ freshet: 1, pools: many }),
      "a.yaml": "freshet: 1\nservice: a\n",
    });
    expect(Object.keys((await readManifestsFolder(folder)).pools)).toHaveLength(500);
  });

  it("names the first ten of a hundred thousand mistakes, at once", async () => {
    given({ "pools.yaml": pools, "a.yaml": `[${",".repeat(100_000)}` });
    expect(await problems()).toHaveLength(10);
  });
});

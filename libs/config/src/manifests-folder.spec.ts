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
      "b.yaml": "freshet: 1\nservice: [b\n",
      "c.yaml": "freshet: 1\nservice: &s c\nviews: *s\n",
    });
    expect(await problems()).toEqual([
      "pools.yaml: pools.p.nodes",
      "a.yaml: freshet",
      "a.yaml: service",
      expect.stringMatching(/^b\.yaml: line \d$/),
      "c.yaml: (the file)",
    ]);
  });

  it("says that pools.yaml, or the folder, is missing", async () => {
    expect(await problems()).toEqual(["pools.yaml: (the file)"]);
    expect(await problems(join(folder, "nowhere"))).toEqual([`${join(folder, "nowhere")}: (the folder)`]);
  });
});

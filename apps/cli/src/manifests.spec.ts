import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freshet } from "../../../test/support/cli.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "freshet-manifests-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const thing = { entity: "thing", topic: "thing.events.v1", fields: ["name"], routing: {} };
const view = {
  key: "thing:{id}",
  pool: "p",
  dependsOn: [{ event: "ThingChanged", params: { id: "subject" } }],
};
const service = { freshet: 1, service: "s", publishes: { ThingChanged: thing }, views: { thing: view } };

/** A folder with this manifest and a pools.yaml. */
function given(manifest: object): string {
  const folder = mkdtempSync(join(dir, "set-"));
  writeFileSync(join(folder, "pools.yaml"), "freshet: 1\npools: { p: { nodes: ['n:1'] } }\n");
  writeFileSync(join(folder, "s.json"), JSON.stringify(manifest));
  return folder;
}

async function asJson(...args: string[]): Promise<{ exitCode: number; data: unknown }> {
  const { exitCode, stdout } = await freshet([...args, "--json"]);
  return { exitCode, data: JSON.parse(stdout) };
}

describe("freshet manifests check", () => {
  it("counts what a set that would be taken holds", async () => {
    const folder = given(service);
    expect(await asJson("manifests", "check", folder)).toEqual({
      exitCode: 0,
      data: { folder, ok: true, events: 1, views: 1, pools: 1, problems: [] },
    });
    const { stdout } = await freshet(["manifests", "check", folder]);
    expect(stdout).toBe(`ok ${folder}: 1 event, 1 view, 1 pool\n`);
  });

  it("names every problem with file, path, what is wrong and how to mend it, and exits with 1", async () => {
    const folder = given({ ...service, views: { thing: { ...view, pool: "q", key: "thing:{other}" } } });
    const file = join(folder, "s.json");
    const { exitCode, stdout } = await freshet(["manifests", "check", folder]);
    expect(exitCode).toBe(1);
    expect(stdout.split("\n")).toEqual([
      `${file}: views.thing.pool`,
      "  there is no pool q",
      "  use one of p",
      `${file}: views.thing.dependsOn.0.params`,
      "  {other} of thing:{other} is not filled",
      "  add other: one of subject",
      `${file}: views.thing.dependsOn.0.params.id`,
      "  thing:{other} has no {id}",
      "  remove it or use other",
      "3 problems: an invalidator refuses the whole set.",
      "",
    ]);
    const { data } = await asJson("manifests", "check", folder);
    expect(data).toMatchObject({ ok: false, problems: [{ file, path: "views.thing.pool" }, {}, {}] });
  });
});

interface Diffed {
  readonly differences: readonly { name: string; property: string | null; hazard: string | null }[];
  readonly rollout: readonly { step: string; of: string[] }[];
}

describe("freshet manifests diff", () => {
  const diff = async (before: object, after: object) => {
    const { exitCode, data } = await asJson("manifests", "diff", given(before), given(after));
    return { exitCode, data: data as Diffed };
  };
  const steps = ({ data }: { data: Diffed }) =>
    data.rollout.map(({ step, of }) => `${step.slice(0, 14)} ${of.join()}`);

  it("finds nothing between equal sets", async () => {
    expect(await diff(service, service)).toEqual({ exitCode: 0, data: { differences: [], rollout: [] } });
  });

  it("lets a new event and view be published, then invalidated, then read", async () => {
    const added = {
      ...service,
      publishes: { ...service.publishes, BoxChanged: { ...thing, entity: "box", topic: "box.events.v1" } },
      views: {
        thing: view,
        box: { key: "box:{id}", pool: "p", dependsOn: [{ event: "BoxChanged", params: { id: "subject" } }] },
      },
    };
    const answer = await diff(service, added);
    expect(answer.exitCode).toBe(0);
    expect(steps(answer)).toEqual([
      "create the top box.events.v1",
      "deploy the pub s/BoxChanged",
      "load the new m ",
      "deploy the rea s/box",
    ]);
    const removal = await diff(added, service);
    expect(removal.exitCode).toBe(1); // cached values would no longer be invalidated
    expect(steps(removal)).toEqual([
      "take away the  s/box",
      "load the new m ",
      "deploy the pub s/BoxChanged",
    ]);
    expect(removal.data.rollout[0]?.step).toContain("wait 3960 s");
  });

  it("lets routing values be published before they are demanded, and demanded no more before they go", async () => {
    const routed = { ...service, publishes: { ThingChanged: { ...thing, routing: { slug: "string?" } } } };
    expect(steps(await diff(service, routed))).toEqual(["deploy the pub s/ThingChanged", "load the new m "]);
    expect(steps(await diff(routed, service))).toEqual(["load the new m ", "deploy the pub s/ThingChanged"]);
  });

  it("exits with 1 where a change has a hazard, and names the folder of a set that is wrong", async () => {
    const renamed = { ...service, views: { thing: { ...view, key: "item:{id}" } } };
    const { exitCode, data } = await diff(service, renamed);
    expect(exitCode).toBe(1);
    expect(data.differences).toMatchObject([
      { property: "key", hazard: expect.stringContaining("formerKeys") as string },
    ]);
    const mended = {
      ...service,
      views: { thing: { ...view, key: "item:{id}", formerKeys: ["thing:{id}"] } },
    };
    expect((await diff(service, mended)).exitCode).toBe(0);

    const wrong = given({ freshet: 2 });
    const { exitCode: refused, stderr } = await freshet(["manifests", "diff", given(service), wrong]);
    expect(refused).toBe(1);
    expect(stderr).toContain(`${join(wrong, "s.json")}: freshet: `);
  });
});

describe("freshet manifests export", () => {
  /** A module of somebody else's project: plain data, as defineManifest makes it. */
  function module(name: string, text: string): string {
    const file = join(dir, name);
    writeFileSync(file, text);
    return file;
  }
  const source = `export const manifest = ${JSON.stringify(service)};\nexport const other = 1;\n`;

  it("writes what the invalidator loads, and sees when the file no longer says it", async () => {
    const file = module("views.mjs", source);
    const folder = given({ freshet: 1, service: "other" });
    const out = join(folder, "views.yaml");
    const run = (...more: string[]) => freshet(["manifests", "export", file, ...more]);
    expect(await run("--out", out)).toMatchObject({ exitCode: 0, stdout: "" });
    expect((await run()).stdout).toBe(readFileSync(out, "utf8"));
    expect((await freshet(["manifests", "check", folder])).exitCode).toBe(0);
    expect((await run("--check", out)).exitCode).toBe(0);
    writeFileSync(out, readFileSync(out, "utf8").replace("3600", "60"));
    expect(await run("--check", out)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("is not what the module says") as string,
    });
    expect(JSON.parse((await run("--json")).stdout)).toMatchObject({ service: "s" });
  });

  it("tells editors in the first line where the schema lies, from the file", async () => {
    const file = module("views.mjs", source);
    const folder = given({ freshet: 1, service: "other" });
    const out = join(folder, "views.yaml");
    const run = (...more: string[]) => freshet(["manifests", "export", file, ...more]);
    await run("--out", out, "--schema", join(dir, "schemas", "manifest.schema.json"));
    const [first] = readFileSync(out, "utf8").split("\n");
    expect(first).toBe("# yaml-language-server: $schema=../schemas/manifest.schema.json");
    expect((await run("--check", out)).exitCode).toBe(1);
    expect((await run("--schema", "https://example.org/m.json")).stdout).toContain(
      "$schema=https://example.org/m.json\n",
    );
  });

  it.each([
    ["an export that is not there", ["--export", "views"], 2, "does not export views but manifest, other"],
    ["an export that is no manifest", ["--export", "other"], 1, "(the file)"],
  ])("names %s", async (_, options, code, message) => {
    const { exitCode, stderr } = await freshet(["manifests", "export", module("m.mjs", source), ...options]);
    expect(exitCode).toBe(code);
    expect(stderr).toContain(message);
  });

  it("says of a module that can't be imported why, without a stack", async () => {
    const { exitCode, stderr } = await freshet([
      "manifests",
      "export",
      module("broken.mjs", "throw new Error('no')"),
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/broken\.mjs can't be imported: no\n/);
    expect(stderr).not.toContain("    at ");
  });
});

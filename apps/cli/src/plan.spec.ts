import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeBlocks } from "../../../scripts/docs/documents.ts";
import { freshet } from "../../../test/support/cli.ts";
import { commandPaths } from "./program.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
let folder = "";

const manifest = {
  freshet: 1,
  service: "s",
  publishes: {
    ThingChanged: {
      entity: "thing",
      topic: "thing.events.v1",
      fields: ["name", "color", "boxes"],
      routing: { boxes: "[string]", slug: "string?" },
    },
    OtherChanged: { entity: "other", topic: "other.events.v1", fields: ["x"], routing: {} },
  },
  views: {
    thing: {
      key: "thing:{id}",
      pool: "a",
      dependsOn: [{ event: "ThingChanged", params: { id: "subject" } }],
    },
    by_slug: {
      key: "slug:{slug}",
      pool: "a",
      dependsOn: [{ event: "ThingChanged", params: { slug: "slug" } }],
    },
    box: {
      key: "box:{box}",
      pool: "b",
      dependsOn: [{ event: "ThingChanged", fields: ["name"], params: { box: "boxes[]" } }],
    },
    page: { key: "page:{box}", pool: "b", derivedFrom: ["box"] },
    search: {
      key: "search:{hash}",
      pool: "b",
      tags: [{ tag: "things", event: "ThingChanged", fields: ["color"] }],
    },
  },
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "freshet-plan-"));
  const pools = "freshet: 1\npools: { a: { nodes: ['n:1'] }, b: { nodes: ['n:2'] } }\n";
  writeFileSync(join(folder, "pools.yaml"), pools);
  writeFileSync(join(folder, "s.json"), JSON.stringify(manifest));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function event(data: object, type = "ThingChanged") {
  const routing = { boxes: ["b1", "b2"], slug: "ada" };
  const change = { version: 2, change: "updated", before: routing, after: routing };
  return { specversion: "1.0", id: "e", source: "s", type, subject: "42", data: { ...change, ...data } };
}

interface Planned {
  readonly keys: readonly { pool: string; key: string; action: string; why: string[][] }[];
  readonly untouched: readonly { view: string; because: string }[];
  readonly skipped?: string;
  readonly undecodable?: { reason: string };
}

async function plan(stdin: string, ...options: string[]) {
  const { exitCode, stdout } = await freshet(["plan", "-", "--json", "--manifests", folder, ...options], {
    stdin,
  });
  return { exitCode, events: (JSON.parse(stdout) as { events: Planned[] }).events };
}

describe("freshet plan", () => {
  it("lists keys, pools, actions and the way through the graph, derived views included", async () => {
    const { exitCode, events } = await plan(JSON.stringify(event({ changedFields: ["name"] })));
    expect(exitCode).toBe(0);
    expect(
      events[0]?.keys.map(({ pool, key, why }) => [pool, key, why.map((way) => way.join(" → "))]),
    ).toEqual([
      ["a", "thing:42", ["ThingChanged → thing"]],
      ["a", "slug:ada", ["ThingChanged → by_slug"]],
      ["b", "box:b1", ["ThingChanged → box"]],
      ["b", "box:b2", ["ThingChanged → box"]],
      ["b", "page:b1", ["ThingChanged → box → page"]],
      ["b", "page:b2", ["ThingChanged → box → page"]],
    ]);
    expect(events[0]?.untouched).toEqual([
      { pool: "b", view: "search", because: "it needs a change of color; changed: name" },
    ]);
  });

  it("names the key of a tag, and says of each untouched view why", async () => {
    const routing = { boxes: [], slug: null };
    const data = { changedFields: ["color", "name"], before: routing, after: routing };
    const { events } = await plan(JSON.stringify(event(data)));
    expect(events[0]?.keys.map(({ key }) => key)).toEqual(["thing:42", "t:things"]);
    const none = "gives no key: absent, null or empty before and after";
    expect(events[0]?.untouched.map(({ view, because }) => [view, because])).toEqual([
      ["by_slug", `slug ${none}`],
      ["box", `boxes ${none}`],
      ["page", `boxes ${none}`],
    ]);
  });

  it.each(["one event", "an array", "one a line"])("reads %s", async (form) => {
    const given = [event({}), event({ version: 3 })];
    const text = {
      "one event": JSON.stringify(given[0], undefined, 2),
      "an array": JSON.stringify(given),
      "one a line": `${given.map((each) => JSON.stringify(each)).join("\n")}\n\n`,
    }[form];
    const { exitCode, events } = await plan(text ?? "");
    expect(exitCode).toBe(0);
    expect(events).toHaveLength(form === "one event" ? 1 : 2);
  });

  it("keeps to the pool that was asked for, and names those that there are", async () => {
    const { events } = await plan(JSON.stringify(event({ changedFields: ["color"] })), "--pool", "a");
    expect(events[0]?.keys.map(({ pool }) => pool)).toEqual(["a", "a"]);
    expect(events[0]?.untouched).toEqual([]);
    const unknown = await freshet(["plan", "-", "--manifests", folder, "--pool", "c"], { stdin: "{}" });
    expect(unknown).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("there are a, b") as string,
    });
  });

  it("tells a dead letter with its reason, goes on with the next event, and exits with 1", async () => {
    const lines = ["not json", JSON.stringify(event({ before: { boxes: "b1" } })), JSON.stringify(event({}))];
    const { exitCode, events } = await plan(lines.join("\n"));
    expect(exitCode).toBe(1);
    expect(events.map((each) => each.undecodable?.reason)).toEqual([
      "not_json",
      "invalid_routing",
      undefined,
    ]);
  });

  it("tells a type that nobody publishes from one that no view depends on", async () => {
    const { exitCode, events } = await plan(JSON.stringify([event({}, "Nope"), event({}, "OtherChanged")]));
    expect(exitCode).toBe(0);
    expect(events.map(({ skipped }) => skipped)).toEqual([
      "no manifest publishes Nope; there are ThingChanged, OtherChanged",
      "no view depends on OtherChanged",
    ]);
  });

  it("shows an event of more keys than can be listed by its count", async () => {
    const boxes = Array.from({ length: 10_001 }, (_, at) => `b${at}`);
    const { exitCode, stdout } = await freshet(["plan", "-", "--manifests", folder, "--pool", "b"], {
      stdin: JSON.stringify(event({ changedFields: ["name"], before: { boxes }, after: { boxes } })),
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("… and 10002 keys more (20002 in all, done in slices)\n");
  });

  it("neutralises terminal escapes of an event", async () => {
    const stdin = JSON.stringify({ ...event({}), subject: "\x1b]0;owned\x07" });
    const { stdout } = await freshet(["plan", "-", "--manifests", folder], { stdin, isTTY: true });
    expect(stdout).not.toContain("\x1b]");
    expect(stdout).toContain("\\u001b]0;owned\\u0007");
  });

  it.each([
    [["plan", "nowhere.json"], "", "nowhere.json: ENOENT"],
    [["plan", "-"], " \n", "- holds no event"],
  ])("answers %j with exit code 2", async (args, stdin, message) => {
    const { exitCode, stderr } = await freshet([...args, "--manifests", folder], { stdin });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("freshet graph", () => {
  const graph = async (...options: string[]) => {
    const { exitCode, stdout } = await freshet(["graph", "--manifests", folder, ...options]);
    expect(exitCode).toBe(0);
    return stdout;
  };
  const views = (text: string) =>
    (JSON.parse(text) as { views: { name: string }[] }).views.map(({ name }) => name);

  it("shows every event and view as text, as a flowchart and as data", async () => {
    expect(await graph()).toContain("    on ThingChanged via box: fields name, boxes; box = boxes[]\n");
    expect(await graph("--mermaid")).toMatch(/^flowchart LR\n/);
    expect(views(await graph("--json"))).toEqual(["thing", "by_slug", "box", "page", "search"]);
  });

  it("narrows to a pool and to an event, keeping what derived views are built on", async () => {
    expect(views(await graph("--json", "--pool", "b"))).toEqual(["box", "page", "search"]);
    expect(views(await graph("--json", "--event", "OtherChanged"))).toEqual([]);
    expect(await graph("--event", "OtherChanged")).toBe("s publishes OtherChanged on other.events.v1\n");
    expect(await graph("--event", "ThingChanged", "--pool", "a")).not.toContain("pool b");
  });

  it("names the events that there are when one is not", async () => {
    const { exitCode, stderr } = await freshet(["graph", "--manifests", folder, "--event", "Nope"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("no manifest publishes Nope; there are ThingChanged, OtherChanged");
  });
});

it("plans the event of docs/cli.md as it is written there", async () => {
  const block = codeBlocks("docs/cli.md").find(({ note }) => note === "run by apps/cli/src/plan.spec.ts");
  const [, command = "", file = ""] = /^npm run freshet -- (plan) (\S+)\n$/.exec(block?.text ?? "") ?? [];
  const { exitCode, stdout } = await freshet([command, join(root, file)], {
    env: { MANIFESTS_DIR: join(root, "deploy/manifests") },
  });
  expect(exitCode).toBe(0);
  expect(stdout).toContain("ProfileChanged → user_profile\n");
});

it("writes what docs/publishers.md asks for", async () => {
  const block = codeBlocks("docs/publishers.md").find(
    ({ note }) => note === "run by apps/cli/src/plan.spec.ts",
  );
  const commands = [...(block?.text ?? "").matchAll(/^npm run freshet -- (.*)$/gm)].map(
    ([, args = ""]) => args,
  );
  expect(commands.length).toBe(2);
  for (const args of commands) {
    const words = args.split(" ").map((word) => (word.includes("/") ? join(root, word) : word));
    const { exitCode, stdout } = await freshet(words, {
      env: { MANIFESTS_DIR: join(root, "deploy/manifests") },
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("ProfileChanged");
  }
});

describe("the examples that need no server", () => {
  const offline = commandPaths()
    .map((path) => path.join(" "))
    .filter((path) => ["plan", "graph", "manifests check", "manifests asyncapi"].includes(path));

  it.each(offline)("of freshet %s run", async (path) => {
    const { stdout: help } = await freshet([...path.split(" "), "--help"]);
    const examples = [...help.matchAll(/^ {2}\$ freshet (.*?) +# /gm)].map(([, example = ""]) => example);
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) {
      const [command = "", file] = example.split(" < ");
      const args = command.split(" ").map((word) => (/\//.test(word) ? join(root, word) : word));
      const stdin = file === undefined ? "" : readFileSync(join(root, file), "utf8");
      const env = { MANIFESTS_DIR: join(root, "deploy/manifests") };
      const { exitCode, stdout, stderr } = await freshet(args, { env, stdin });
      expect({ example, exitCode, stderr }).toEqual({ example, exitCode: 0, stderr: "" });
      expect(stdout).not.toBe("");
    }
  });
});

import { encodeKeyParam, undecodableReasons } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { crashPoints } from "../../test/support/crash-points.ts";
import { generatedFiles, render } from "../docs-generate.mjs";
import { codeBlocks, exists, read, sources } from "./documents.ts";

/** The cells of every table row of a document whose first cell is `code`. */
function rows(document: string): string[][] {
  return read(document)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
}

describe("docs:settings", () => {
  it.each(generatedFiles)("has written %s as the code is now", async (file) => {
    expect(read(file)).toBe(await render(file));
  });
});

describe("docs/metrics.md", () => {
  const kinds = ["counter", "gauge", "histogram"];
  const declaration =
    /metrics\s*\.(\w+)\(\{\s*name:\s*"(freshet_\w+)",\s*help:\s*"(.*?)",(?:\s*labelNames: \[(.*?)\],)?/gs;
  const declared = sources().flatMap((path) =>
    [...read(path).matchAll(declaration)].map(([, made = "", name = "", help = "", labels = ""]) => ({
      kind: made === "batchHistogram" ? "histogram" : made,
      name,
      help,
      labels: [...labels.matchAll(/"(\w+)"/g)].map(([, label = ""]) => label),
    })),
  );
  const documented = rows("docs/metrics.md").filter(([, kind = ""]) => kinds.includes(kind));

  it("lists every metric of the code with its kind and its labels, and no other", () => {
    const ofCode = declared.map(({ name, kind, labels }) => [name, kind, labels.join(", ") || "–"]);
    const ofPage = documented.map(([name = "", kind = "", labels = ""]) => [name, kind, labels]);
    expect(ofPage.sort()).toEqual(ofCode.sort());
    expect(ofCode.length).toBeGreaterThan(25);
  });

  it("misses no metric that is declared in another way", () => {
    const named = sources().flatMap((path) => [...read(path).matchAll(/"(freshet_\w+)"/g)]);
    const known = new Set(declared.map(({ name }) => name));
    expect(named.map(([, name = ""]) => name).filter((name) => !known.has(name))).toEqual([]);
  });

  it("has no metric without a unit: seconds, what is counted, or what 1 means", () => {
    const unit =
      /seconds\b|\b(messages|rows|events|keys|partitions|replicas|gaps|flushes|reads|calls|values|changes|times|offset|checks)\b|\b1 (while|for)\b/i;
    expect(declared.filter(({ name, help }) => !unit.test(`${name.replaceAll("_", " ")} ${help}`))).toEqual(
      [],
    );
    const histograms = declared.filter(({ kind }) => kind === "histogram");
    expect(histograms.filter(({ name }) => !name.endsWith("_seconds"))).toEqual([]);
  });

  it("has only labels whose values the configuration or the code bounds: no key, entity, offset or address of a caller", () => {
    const bounded =
      "pool group topic partition node view action result outcome reason state verdict code horizon topology list";
    const labels = new Set(declared.flatMap((metric) => metric.labels));
    expect([...labels].filter((label) => !bounded.split(" ").includes(label))).toEqual([]);
  });
});

describe("docs/architecture.md", () => {
  const text = read("docs/architecture.md");

  it("lists every crash point of the code, and no other", () => {
    const inCode = sources().flatMap((path) => [...read(path).matchAll(/channel\("(freshet:[\w.-]+)"\)/g)]);
    const listed = [...text.matchAll(/`(freshet:[\w.-]+)`/g)];
    const names = (found: RegExpExecArray[]) => [...new Set(found.map(([, name = ""]) => name))].sort();
    expect(names(listed)).toEqual(names(inCode));
    // The runs that kill at each step of an event's way, and nothing of the apps that would listen.
    const noStep = "freshet:kafka.compared";
    expect([...Object.values(crashPoints).flat(), noStep].sort()).toEqual(names(inCode));
  });

  it("says of each library what its package.json says it may import of ours", () => {
    const libraries = rows("docs/architecture.md").filter(([path = ""]) =>
      /^(libs|apps)\/[\w-]+$/.test(path),
    );
    expect(libraries.length).toBeGreaterThan(5);
    for (const [path = "", imports = ""] of libraries) {
      expect(exists(path)).toBe(true);
      const { dependencies = {} } = JSON.parse(read(`${path}/package.json`)) as {
        dependencies?: Record<string, string>;
      };
      const ours = Object.keys(dependencies).filter((name) => name.startsWith("@freshet/"));
      const said = imports === "–" ? [] : imports.split(", ");
      expect(said.sort(), path).toEqual(ours.map((name) => name.replace("@freshet/", "")).sort());
    }
  });
});

describe("README.md", () => {
  it("gives the sizes that npm start gives", () => {
    const requirements = read("scripts/local/requirements.mjs");
    const [, packages = ""] = /const sizes = \{([^}]*)\}/.exec(requirements) ?? [];
    const debian = [...packages.matchAll(/: (\d+)/g)].reduce((sum, [, mb]) => sum + Number(mb), 0);
    const others = [...requirements.matchAll(/size: "(\d+ MB)"/g)].map(([, size]) => size);
    expect(read("README.md").match(/\d+ MB/g)).toEqual([`${debian} MB`, ...others]);
  });
});

describe("npm run demo", () => {
  it("plays the steps that README.md shows", () => {
    const story = read("scripts/demo/story.mjs");
    const [, updates = ""] = /UPDATES = (\d+)/.exec(story) ?? [];
    const titles = [...story.matchAll(/timeline\.step\(["`](.*)["`]\)/g)].map(([, title = ""], index) =>
      `${index + 1}. ${title}`.replace("${UPDATES}", updates),
    );
    const shown = codeBlocks("README.md").flatMap(({ text }) => text.match(/^\d+\. .*$/gm) ?? []);
    expect(shown).toEqual(titles);
    expect(titles.length).toBeGreaterThan(3);
  });
});

describe("npm start", () => {
  const start = read("scripts/start.mjs") + read("scripts/local/start-ports.mjs");

  it("prints the three commands of README.md", () => {
    const block = codeBlocks("README.md").find(({ note }) => note === "run by test/e2e/readme.spec.ts");
    for (const command of (block?.text ?? "").trim().split("\n"))
      expect(start).toContain(command.replace("http://127.0.0.1:3000/profiles", "${api}"));
  });

  it("reads no variable that docs/configuration.md does not name", () => {
    const named = [...start.matchAll(/\benv\.([A-Z_]+)|"([A-Z_]+_PORTS?)"/g)].map(([, a, b]) => a ?? b ?? "");
    expect(named.length).toBeGreaterThan(7);
    const documented = read("docs/configuration.md");
    expect(named.filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("docs/errors.md", () => {
  it("explains every reason of a dead letter", () => {
    expect(rows("docs/errors.md").map(([reason]) => reason)).toEqual([...undecodableReasons]);
  });
});

describe("docs/cache-protocol.md", () => {
  it("gives examples of key parameters that the code agrees with", () => {
    const examples = rows("docs/cache-protocol.md").filter(([, rendered = ""]) =>
      /^~[0-9a-f]{32}$/.test(rendered),
    );
    expect(examples.length).toBeGreaterThan(2);
    for (const [param = "", rendered] of examples)
      expect(encodeKeyParam(param === '""' ? "" : param)).toBe(rendered);
  });
});

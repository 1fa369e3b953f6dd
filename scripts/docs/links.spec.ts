import { describe, expect, it } from "vitest";
import { anchorsOf, documents, exists, linksIn, prose, read, resolveFrom, sources } from "./documents.ts";

/** The first link of each step of the numbered list below a heading. */
function steps(document: string, heading: string): string[] {
  const [, section] = read(document).split(`\n${heading}\n`);
  if (section === undefined) throw new Error(`${document} has no heading ${heading}`);
  const [list = ""] = section.split("\n#");
  return list
    .split("\n")
    .filter((line) => /^\d+\. /.test(line))
    .map((line) => resolveFrom(document, linksIn(line)[0] ?? ""));
}

describe.each(documents)("%s", (document) => {
  it("links to files that exist and to headings that are there", () => {
    const broken = linksIn(prose(document))
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? document : resolveFrom(document, path);
        return !exists(file) || (anchor !== undefined && !anchorsOf(file).has(anchor));
      });
    expect(broken).toEqual([]);
  });

  it("names only paths that exist", () => {
    const named = [...prose(document).matchAll(/`((?:apps|libs|scripts|test|deploy|docs)\/[\w./-]+)`/g)];
    expect(named.map(([, path = ""]) => path).filter((path) => !exists(path))).toEqual([]);
  });
});

describe.each([
  ["README.md", "### The write path", "### The invalidation path"],
  ["docs/architecture.md", "### The write path", "### The invalidation path"],
])("%s links the files of both ways in order", (document, writePath, invalidationPath) => {
  const service = "apps/profile-service/src";
  const invalidator = "apps/invalidator/src";

  it("the write path, from the controller to the producer", () => {
    expect(steps(document, writePath)).toEqual([
      `${service}/profiles/profiles.controller.ts`,
      `${service}/profiles/profiles.service.ts`,
      `${service}/profiles/profiles.repository.ts`,
      "libs/outbox/src/outbox.ts",
      `${service}/after-commit.ts`,
      `${service}/own-keys.ts`,
      "libs/outbox/src/relay.ts",
      "libs/outbox/src/claim.ts",
      "libs/outbox/src/parts.ts",
      "libs/kafka/src/producer.ts",
    ]);
  });

  it("the invalidation path, from consume to commit", () => {
    const names = ["consume", "decode", "plan", "execute", "commit"];
    expect(steps(document, invalidationPath)).toEqual(
      names.map((name) => `${invalidator}/pipeline/${name}.ts`),
    );
  });

  it("no step of the pipeline is left out", () => {
    const pipeline = sources().filter((path) => path.startsWith(`${invalidator}/pipeline/`));
    expect(pipeline.sort()).toEqual(steps(document, invalidationPath).sort());
  });
});

import { readdirSync } from "node:fs";
import { type ChangeEvent, parseManifest, parsePools } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { freshet } from "../../test/support/cli.ts";
import { codeBlocks, read } from "./documents.ts";

const document = "docs/evolution.md";
const examples = "docs/examples/evolution";

describe(document, () => {
  const blocks = codeBlocks(document);
  const commands = blocks.flatMap(({ language, note, text }, index) =>
    language === "sh" && note.startsWith("run by")
      ? [{ command: text.trim(), output: blocks[index + 1]?.text ?? "" }]
      : [],
  );

  it("compares every folder of the examples with another", () => {
    const folders = readdirSync(examples);
    expect(folders.filter((name) => !commands.some(({ command }) => command.includes(`/${name}`)))).toEqual(
      [],
    );
  });

  it.each(commands)("shows what it prints: $command", async ({ command, output }) => {
    const [, line = ""] = /^npm run freshet -- (.*)$/.exec(command) ?? [];
    const { stdout, stderr, exitCode } = await freshet(line.split(" "));
    const hazard = output.includes("hazard") ? 1 : 0;
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: output, stderr: "", exitCode: hazard });
  });
});

/** The keys that an event deletes under the manifests of a folder; what else a plan is. */
function planned(folder: string, event: ChangeEvent): string[] | string {
  const file = `${examples}/${folder}/articles.yaml`;
  const manifest = parseManifest(parse(read(file)), file);
  const pools = parsePools(parse(read(`${examples}/${folder}/pools.yaml`)), "pools.yaml");
  const plan = compile([{ file, manifest }], pools).pool("main").plan(event);
  return plan.kind === "keys" ? plan.keys.map(({ key }) => key).sort() : plan.kind;
}

function article(type: string, changedFields: string[], before: object, after: object): ChangeEvent {
  const data = { version: 2, change: "updated", changedFields, before, after } as ChangeEvent["data"];
  const id = "0199d0a8-0000-7000-8000-000000000000";
  return { specversion: "1.0", id, source: "articles", type, subject: "7", data };
}

const one = article("ArticleChanged", ["title"], { authorId: "ada" }, { authorId: "ada" });

describe("two versions side by side", () => {
  it("an event without a new optional field deletes what it did; one with it is tolerated by earlier manifests", () => {
    expect(planned("optional-field", one)).toEqual(planned("base", one));
    const sides = [
      { authorId: "ada", sectionId: "s1" },
      { authorId: "ada", sectionId: "s2" },
    ] as const;
    const moved = article("ArticleChanged", ["sectionId"], ...sides);
    expect(planned("base", moved)).toEqual(["article:7", "articles_of_author:ada"]);
    expect(planned("optional-field", moved)).toEqual([
      "article:7",
      "articles_of_author:ada",
      "articles_of_section:s1",
      "articles_of_section:s2",
    ]);
  });

  it("a new event is skipped by earlier manifests, and deletes its keys under later ones", () => {
    const author = { ...one, type: "AuthorChanged", subject: "ada" };
    expect(planned("base", author)).toBe("skipped");
    expect(planned("new-event", author)).toEqual(["articles_of_author:ada"]);
  });

  it("both major versions delete the keys of their readers, whoever knows which", () => {
    const two = article(
      "ArticleChanged.v2",
      ["title"],
      { authorIds: ["ada"] },
      { authorIds: ["ada", "grace"] },
    );
    const keys = ["article:7", "articles_of_author:ada"];
    expect(planned("base", one)).toEqual(keys);
    expect(planned("base", two)).toBe("skipped");
    expect(planned("new-major", one)).toEqual(keys);
    expect(planned("new-major", two)).toEqual([...keys, "articles_of_author:grace"]);
    expect(planned("major-only", one)).toBe("skipped");
    expect(planned("major-only", two)).toEqual([...keys, "articles_of_author:grace"]);
  });

  it("an event deletes the key and its former one while it is renamed", () => {
    expect(planned("renamed-key", one)).toEqual(["article:7", "article_page:7", "articles_of_author:ada"]);
  });
});

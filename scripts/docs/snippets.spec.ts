import { describe, expect, it } from "vitest";
import { type CodeBlock, codeBlocks, documents, exists, read } from "./documents.ts";

/** Lines without their indentation: an excerpt may stand deeper in its file. */
function lines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trim())
    .join("\n");
}

const shell = new Set(["sh", "bash", "shell", "console"]);
const free = new Set(["", "text", "json", "http"]);

/** What a spec holds that runs a block: the file behind an npm script, or the document or folder that it reads. */
function traces({ document, text }: CodeBlock): string[] {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  return text
    .trim()
    .split("\n")
    .map((command) => {
      const [, name = ""] = /^npm (?:run )?([\w:]+)/.exec(command) ?? [];
      const folder = document.startsWith("docs/runbooks/") ? "docs/runbooks/" : document;
      return /scripts\/\S+/.exec(scripts[name] ?? "")?.[0] ?? folder;
    });
}

describe.each(documents.filter((document) => codeBlocks(document).length > 0))("%s", (document) => {
  it.each(codeBlocks(document))("the block in line $line says where it is tested", (block) => {
    if (shell.has(block.language)) {
      const [, spec] = /^run by (\S+)$/.exec(block.note) ?? [];
      const [, reason] = /^not run: (.+)$/.exec(block.note) ?? [];
      expect(spec ?? reason, "write `run by <spec>` or `not run: <reason>` above it").toBeDefined();
      if (spec !== undefined) for (const needle of traces(block)) expect(read(spec)).toContain(needle);
    } else if (!free.has(block.language)) {
      const [, file = ""] = /^from (\S+)$/.exec(block.note) ?? [];
      expect(file, "write `from <file>` above it: it must be an excerpt").not.toBe("");
      expect(exists(file)).toBe(true);
      // "// …" stands for what is left out.
      for (const part of block.text.split(/^\s*(?:\/\/|#) …\n/m))
        expect(lines(read(file))).toContain(lines(part).trim());
    } else if (block.language === "json") expect(() => JSON.parse(block.text) as unknown).not.toThrow();
  });
});

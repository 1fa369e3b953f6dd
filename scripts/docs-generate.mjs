// Writes the parts of the documents that follow from the code, each between its two marks.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { settingsTable } from "@freshet/config";
import {
  changeEventSchema,
  errorCodes,
  jsonSchemas,
  manifestSchema,
  parseManifest,
  poolsSchema,
  publishedEventJsonSchema,
} from "@freshet/contracts";
import { format } from "prettier";
import { parse } from "yaml";
import { z } from "zod";
import { auditorSettings } from "../apps/auditor/src/config.ts";
import { auditorStatus } from "../apps/auditor/src/operator/status.ts";
import { asyncApi } from "../apps/cli/src/asyncapi.ts";
import { cliSettings } from "../apps/cli/src/config.ts";
import { commandPaths } from "../apps/cli/src/program.ts";
import { run } from "../apps/cli/src/run.ts";
import { ingressSettings } from "../apps/ingress/src/config.ts";
import { openApi as ingressApi } from "../apps/ingress/src/openapi.ts";
import { invalidatorSettings } from "../apps/invalidator/src/config.ts";
import { invalidatorStatus } from "../apps/invalidator/src/operator/status.ts";
import { published } from "./pack.mjs";
import { openApi } from "../apps/profile-service/src/http/openapi.ts";
import { profileServiceSettings } from "../apps/profile-service/src/config.ts";
import { exportsOf } from "./docs/reference.mjs";
import { schemaRows } from "./docs/schema-table.mjs";
import { goalsMarkdown, headlineMarkdown, referenceMarkdown } from "../test/bench/reference.mjs";
import { manifestFile } from "./export-manifests.mjs";

/** The manifests of this repository that publish something. */
const manifests = ["profile-service", "team-service"].map((service) =>
  parseManifest(parse(readFileSync(manifestFile(service), "utf8")), service),
);

/** @type {Readonly<Record<string, () => object>>} document → the whole of it */
const jsonDocuments = {
  "docs/asyncapi.json": () => asyncApi(manifests),
  "docs/schemas/change-event.schema.json": () => jsonSchemas().changeEvent,
  ...Object.fromEntries(
    manifests
      .flatMap(({ publishes }) => Object.entries(publishes))
      .map(([type, event]) => [
        `docs/schemas/events/${type}.schema.json`,
        () => publishedEventJsonSchema(type, event),
      ]),
  ),
  "docs/openapi.json": openApi,
  "docs/ingress.openapi.json": ingressApi,
  "docs/schemas/status.schema.json": () => ({
    // As input: a later version may say more.
    ...z.toJSONSchema(invalidatorStatus, { io: "input" }),
    title: "GET /status of Freshet's invalidator",
  }),
  "docs/schemas/audit.schema.json": () => ({
    ...z.toJSONSchema(auditorStatus, { io: "input" }),
    title: "GET /status of Freshet's auditor",
  }),
};

/** Every entry of every published package but the command, which has none. */
const entries = published().flatMap(({ name, folder }) =>
  ["index.ts", "nest/index.ts", "conformance/index.ts"]
    .map((file) => ({
      name: file === "index.ts" ? name : `${name}/${file.replace("/index.ts", "")}`,
      index: join(folder, "src", file),
    }))
    .filter(({ index }) => existsSync(index)),
);

/** @type {Readonly<Record<string, Readonly<Record<string, () => string | Promise<string>>>>>} document → mark → its text */
const generated = {
  "README.md": { "how fast": headlineMarkdown },
  "docs/configuration.md": {
    "settings of profile-service": () => settings(profileServiceSettings(false)),
    "settings of invalidator": () => settings(invalidatorSettings(false)),
    "settings of auditor": () => settings(auditorSettings(false)),
    "settings of ingress": () => settings(ingressSettings),
  },
  "docs/cli.md": { "freshet --help": commands, "settings of freshet": () => settings(cliSettings(false)) },
  "docs/errors.md": { "error codes": errors },
  "docs/reference/api.md": Object.fromEntries(
    entries.map(({ name, index }) => [`exports of ${name}`, () => exported(index)]),
  ),
  "docs/reference/manifest.md": {
    "fields of a manifest": () => fields(manifestSchema),
    "fields of pools.yaml": () => fields(poolsSchema),
  },
  "docs/reference/events.md": { "fields of a change event": () => fields(changeEventSchema) },
  "docs/performance.md": { "how it stands": goalsMarkdown, "the reference": referenceMarkdown },
};

/** Every file that holds something generated. */
export const generatedFiles = [...Object.keys(generated), ...Object.keys(jsonDocuments)];

/**
 * The document as it should be.
 * @param {string} file
 * @throws Error when a mark is missing
 */
export async function render(file) {
  const document = jsonDocuments[file];
  if (document) return await format(JSON.stringify(document()), { parser: "json", printWidth: 110 });
  let text = readFileSync(pathOf(file), "utf8");
  for (const [mark, table] of Object.entries(generated[file] ?? {})) {
    const [begin, end] = [`<!-- generated: ${mark} -->`, "<!-- end of generated -->"];
    const from = text.indexOf(begin);
    const to = text.indexOf(end, from);
    if (from < 0 || to < 0) throw new Error(`${file} lacks the mark ${begin}, or its end`);
    text = `${text.slice(0, from)}${begin}\n\n${await table()}\n\n${text.slice(to)}`;
  }
  return await format(text, { parser: "markdown", printWidth: 110 });
}

/** @param {string} file */
export function pathOf(file) {
  return fileURLToPath(new URL(`../${file}`, import.meta.url));
}

/** @param {z.ZodType} schema */
function fields(schema) {
  const json = z.toJSONSchema(schema, { io: "input" });
  const rows = schemaRows(/** @type {import("./docs/schema-table.mjs").Field} */ (json));
  return ["| field | what it must be | default | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** @param {Parameters<typeof settingsTable>[0]} schema */
function settings(schema) {
  const rows = settingsTable(schema).map(
    ({ name, default: fallback, meaning }) => `| \`${name}\` | ${code(fallback)} | ${meaning} |`,
  );
  return ["| variable | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/** @param {string} index */
function exported(index) {
  const rows = exportsOf(index).map(({ name, kind, meaning }) => {
    if (meaning === "") throw new Error(`${index} exports ${name}: say above it in a comment what it is`);
    return `| \`${name}\` | ${kind} | ${meaning.replaceAll("|", "\\|").replaceAll("<", "&lt;")} |`;
  });
  return ["| export | kind | what it is |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The help of every command, as `freshet` itself prints it. */
async function commands() {
  const texts = await Promise.all(
    commandPaths().map(async (path) => {
      let help = "";
      await run([...path, "--help"], {
        stdin: (async function* () {})(),
        stdout: {
          write: (text) => {
            help += text;
          },
        },
        stderr: process.stderr,
        environment: {},
        signal: new AbortController().signal,
      });
      return `### freshet ${path.join(" ")}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\``;
    }),
  );
  return texts.join("\n\n");
}

function errors() {
  return Object.entries(errorCodes)
    .map(([name, remedy]) => `### ${name}\n\n${remedy}`)
    .join("\n\n");
}

/** @param {string} fallback */
function code(fallback) {
  const value = fallback.replaceAll('"', "");
  if (value === "") return "empty";
  return value === "–" ? value : `\`${value}\``;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const file of generatedFiles) {
    writeFileSync(pathOf(file), await render(file));
    console.log(`written: ${file}`);
  }

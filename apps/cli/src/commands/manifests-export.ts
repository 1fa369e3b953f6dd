import { readFile, writeFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { FreshetError, type Manifest, parseManifest } from "@freshet/contracts";
import { type Command, Option } from "commander";
import { importModule } from "../import-module.ts";
import { renderManifest } from "../manifest-file.ts";
import { jsonOption, type JsonOption, type Session } from "../session.ts";

interface ExportOptions extends JsonOption {
  readonly export: string;
  readonly out?: string;
  readonly check?: string;
  readonly schema?: string;
}

/** `freshet manifests export`: typed views as the file that the invalidator loads. */
export function addManifestsExport(manifests: Command, session: Session): void {
  const command = session.command(
    manifests,
    "export",
    "The manifest that a module exports (defineManifest), as the file that the invalidator loads",
    [
      ["manifests export src/views.ts --out manifests/my-service.yaml", "write the file"],
      [
        "manifests export src/views.ts --check manifests/my-service.yaml",
        "for a CI: exit code 1 when it differs",
      ],
      [
        "manifests export src/views.ts --out my.yaml --schema node_modules/@freshet/contracts/schemas/manifest.schema.json",
        "with a line by which editors complete and check it",
      ],
      ["manifests export dist/views.js --json", "as JSON, to standard output"],
    ],
  );
  command
    .argument("<module>", "JavaScript, or TypeScript where Node.js reads it or tsx is installed")
    .option("--export <name>", "which export of the module is the manifest", "manifest")
    .option("--out <file>", "write it there")
    .addOption(new Option("--check <file>", "write nothing: compare it with this file").conflicts("out"))
    .option("--schema <file>", "name this JSON Schema in the first line, for editors: a file, or a URL")
    .addOption(jsonOption())
    .action(async (module: string) => {
      const options = command.opts<ExportOptions>();
      const manifest = await manifestOf(module, options.export);
      const schema = schemaFrom(options.out ?? options.check, options.schema);
      const text =
        options.json === true
          ? `${JSON.stringify(manifest, undefined, 2)}\n`
          : renderManifest(manifest, schema);
      if (options.check !== undefined) await check(session, options.check, text);
      else if (options.out === undefined) session.io.stdout.write(text);
      else {
        await writeFile(options.out, text);
        session.note(`written: ${options.out}`);
      }
    });
}

/** The schema as it is found from the manifest's file; both are named from the current folder. */
function schemaFrom(file: string | undefined, schema: string | undefined): string | undefined {
  if (file === undefined || schema === undefined || /^https?:/.test(schema)) return schema;
  return relative(dirname(file), schema);
}

/** @throws FreshetError CLI_USAGE; ManifestError when the export is no valid manifest */
async function manifestOf(file: string, name: string): Promise<Manifest> {
  const module = await importModule(file);
  if (Object.hasOwn(module, name)) return parseManifest(module[name], file);
  const there = Object.keys(module).join(", ") || "nothing";
  throw new FreshetError("CLI_USAGE", `${file} does not export ${name} but ${there}: name one with --export`);
}

async function check(session: Session, file: string, text: string): Promise<void> {
  const found = await readFile(file, "utf8").catch((error: unknown) => {
    throw new FreshetError("CLI_USAGE", `${file}: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (found === text) return;
  session.exitCode = 1;
  session.note(`${file} is not what the module says: write it again with --out ${file}`);
}

import { readFile, writeFile } from "node:fs/promises";
import { FreshetError, type Manifest, parseManifest } from "@freshet/contracts";
import { type Command, Option } from "commander";
import { importModule } from "../import-module.ts";
import { renderManifest } from "../manifest-file.ts";
import { jsonOption, type JsonOption, type Session } from "../session.ts";

interface ExportOptions extends JsonOption {
  readonly export: string;
  readonly out?: string;
  readonly check?: string;
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
      ["manifests export dist/views.js --json", "as JSON, to standard output"],
    ],
  );
  command
    .argument("<module>", "JavaScript, or TypeScript where Node.js reads it or tsx is installed")
    .option("--export <name>", "which export of the module is the manifest", "manifest")
    .option("--out <file>", "write it there")
    .addOption(new Option("--check <file>", "write nothing: compare it with this file").conflicts("out"))
    .addOption(jsonOption())
    .action(async (module: string) => {
      const options = command.opts<ExportOptions>();
      const manifest = await manifestOf(module, options.export);
      const text =
        options.json === true ? `${JSON.stringify(manifest, undefined, 2)}\n` : renderManifest(manifest);
      if (options.check !== undefined) await check(session, options.check, text);
      else if (options.out === undefined) session.io.stdout.write(text);
      else {
        await writeFile(options.out, text);
        session.note(`written: ${options.out}`);
      }
    });
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

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FreshetError } from "@freshet/contracts";

type Module = Readonly<Record<string, unknown>>;

/**
 * Imports a module of the user's, JavaScript or TypeScript. Node reads TypeScript by itself from 22.18 on; before,
 * tsx is asked, when the project that this runs in has it.
 * @throws FreshetError CLI_USAGE when it can't be imported
 */
export async function importModule(file: string): Promise<Module> {
  const url = pathToFileURL(resolve(file)).href;
  try {
    return (await import(url)) as Module;
  } catch (error) {
    if (!isTypeScript(error)) throw unreadable(file, error);
    try {
      // That resolves to tsx's CommonJS half, which can't find itself; the other half lies beside it.
      const tsx = createRequire(resolve("package.json"))
        .resolve("tsx/esm/api")
        .replace(/\.cjs$/, ".mjs");
      const { tsImport } = (await import(pathToFileURL(tsx).href)) as {
        tsImport: (url: string, parent: string) => Promise<Module>;
      };
      return await tsImport(url, import.meta.url);
    } catch (cause) {
      if (!isMissingTsx(cause)) throw unreadable(file, cause);
      const help = "install tsx beside it, use Node.js 22.18 or later, or name the compiled file";
      throw new FreshetError(
        "CLI_USAGE",
        `${file} is TypeScript, which this Node.js does not read: ${help}`,
        {
          cause,
        },
      );
    }
  }
}

function isTypeScript(error: unknown): boolean {
  return /^ERR_(UNKNOWN_FILE_EXTENSION|UNSUPPORTED_TYPESCRIPT_SYNTAX)$/.test(codeOf(error));
}

function isMissingTsx(error: unknown): boolean {
  return (
    codeOf(error) === "MODULE_NOT_FOUND" && error instanceof Error && error.message.includes("tsx/esm/api")
  );
}

function unreadable(file: string, cause: unknown): unknown {
  if (cause instanceof FreshetError) return cause;
  const message = cause instanceof Error ? (cause.message.split("\n", 1)[0] ?? "") : String(cause);
  return new FreshetError("CLI_USAGE", `${file} can't be imported: ${message}`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

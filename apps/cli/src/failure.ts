import { ConfigError } from "@freshet/config";
import { FreshetError, type ManifestProblem, ManifestError } from "@freshet/contracts";
import { CommanderError } from "commander";
import type { ExitCode } from "./io.ts";

/** What is told of an error: by these lines to a person, as this object to a machine. Never a stack. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** What to do next. */
  readonly remedy: string;
  readonly problems?: readonly ManifestProblem[];
}

/** Codes that mean that something was found to be wrong; all others: asked wrongly, or not reached. */
const found: ReadonlySet<string> = new Set(["MANIFEST_INVALID", "CONTRACT_INVALID", "TEMPLATE_INVALID"]);

export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) return described(new FreshetError("CLI_USAGE", usage(error)));
  if (error instanceof ConfigError) return described(new FreshetError("CONFIG_INVALID", error.message));
  if (error instanceof ManifestError) return { ...described(error), problems: error.problems };
  if (error instanceof FreshetError) return described(error);
  return {
    code: "UNEXPECTED",
    message: error instanceof Error ? error.message : String(error),
    remedy:
      "This is a defect of freshet, or of what it asked: please report it with the command that you ran.",
  };
}

export function exitCodeOf({ code }: Failure): ExitCode {
  return found.has(code) ? 1 : 2;
}

function described({ code, message, remedy }: FreshetError): Failure {
  return { code, message, remedy };
}

function usage({ code, message }: CommanderError): string {
  return code === "commander.help"
    ? "a command is missing"
    : message.replace(/^error: /, "").replaceAll("\n", " ");
}

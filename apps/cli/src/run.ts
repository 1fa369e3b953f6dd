import { CommanderError } from "commander";
import { exitCodeOf, failureOf } from "./failure.ts";
import type { ExitCode, Io } from "./io.ts";
import { createProgram } from "./program.ts";
import { Session } from "./session.ts";

/** Runs one command line (without node and script) and answers its exit code. Never rejects. */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const session = new Session(io);
  try {
    await createProgram(session).parseAsync(args, { from: "user" });
    return session.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // --help, --version
    const failure = failureOf(error);
    const json = args.includes("--json");
    if (failure.code === "CLI_USAGE" && session.help !== "" && !json) io.stderr.write(session.help);
    else session.failed(failure, json);
    return exitCodeOf(failure);
  }
}

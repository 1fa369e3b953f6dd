import { Readable } from "node:stream";
import { run } from "../../apps/cli/src/run.ts";
import { type ExitCode } from "../../apps/cli/src/io.ts";

export interface CliAnswer {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

interface CliOptions {
  /** The whole environment that the command sees. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly isTTY?: boolean;
  readonly signal?: AbortSignal;
  /** Told of all output so far, whenever there is more. */
  readonly onOutput?: (stdout: string) => void;
}

/** Runs `freshet` with these arguments in this process and collects what it writes. */
export async function freshet(args: readonly string[], options: CliOptions = {}): Promise<CliAnswer> {
  const { env = {}, stdin = "", isTTY = false, signal = new AbortController().signal, onOutput } = options;
  let [stdout, stderr] = ["", ""];
  const exitCode = await run(args, {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: {
      isTTY,
      write: (text) => {
        stdout += text;
        onOutput?.(stdout);
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    environment: env,
    signal,
  });
  return { exitCode, stdout, stderr };
}

import type { Environment } from "@freshet/config";

/** Where output goes: a stream, or what a test collects. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Everything outside that a command touches, Kafka and files apart. */
export interface Io {
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly environment: Environment;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** 0: as it should be. 1: a problem was found. 2: asked wrongly, or not reached. 130: ended by Ctrl-C before it was done. */
export type ExitCode = 0 | 1 | 2 | 130;

import { type Command, InvalidArgumentError, Option } from "commander";
import { mayColour } from "./config.ts";
import type { Failure } from "./failure.ts";
import type { ExitCode, Io } from "./io.ts";
import { Terminal, toJson } from "./terminal.ts";

/** An example of a command's help; tests run it. */
export type Example = readonly [args: string, meaning: string];

/** What a command found: plain data for machines, and how a person is shown it. */
export interface Report {
  readonly data: unknown;
  readonly problem: boolean;
  readonly print: (out: Terminal) => void;
}

/** One call of `freshet`. */
export class Session {
  readonly io: Io;
  readonly out: Terminal;
  exitCode: ExitCode = 0;
  /** What is shown when a command is missing. */
  help = "";

  constructor(io: Io) {
    this.io = io;
    this.out = new Terminal(io.stdout, mayColour(io));
  }

  /** Adds a command with its help and examples below `parent`. */
  command(parent: Command, usage: string, summary: string, examples: readonly Example[]): Command {
    const command = parent.command(usage).description(summary);
    const width = examples.reduce((most, [args]) => Math.max(most, args.length), 0);
    const lines = examples.map(([args, meaning]) => `  $ freshet ${args.padEnd(width)}  # ${meaning}`);
    return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
  }

  /** One document with --json, else lines and tables; a problem makes the exit code 1. */
  report({ data, problem, print }: Report, json: boolean | undefined): void {
    if (json === true) this.io.stdout.write(`${toJson(data, 2)}\n`);
    else print(this.out);
    if (problem) this.exitCode = 1;
  }

  /** One line of a stream of documents. */
  jsonLine(data: unknown): void {
    this.io.stdout.write(`${toJson(data)}\n`);
  }

  /** Something that a person should know and no machine waits for. */
  note(text: string): void {
    new Terminal(this.io.stderr, false).line(text);
  }

  /** What went wrong, on standard error; with --json on standard output, where a machine reads. */
  failed(failure: Failure, json: boolean | undefined): void {
    if (json === true) {
      this.jsonLine({ error: failure });
      return;
    }
    const err = new Terminal(this.io.stderr, false);
    const { message, problems = [], remedy } = failure;
    if (problems.length === 0) err.text(`freshet: ${message}`);
    for (const { file, path, problem, mend } of problems) err.line(`${file}: ${path}: ${problem}; ${mend}`);
    err.line(remedy);
  }
}

export interface JsonOption {
  readonly json?: boolean;
}

export interface KafkaOptions {
  readonly brokers?: string;
  readonly timeout: number;
}

export interface ManifestsOption {
  readonly manifests?: string;
}

export function jsonOption(): Option {
  return new Option("--json", "plain data for machines, errors too; docs/cli.md has the shape");
}

export function manifestsOption(): Option {
  return new Option(
    "--manifests <dir>",
    "folder of the manifests (default: MANIFESTS_DIR, or deploy/manifests)",
  );
}

export function timeoutOption(what: string, defaultSeconds = 15): Option {
  return new Option("--timeout <seconds>", `how long ${what} may take to answer`)
    .argParser(positive)
    .default(defaultSeconds);
}

/** --brokers and --timeout. */
export function kafkaOptions(command: Command, defaultSeconds?: number): Command {
  return command
    .option("--brokers <list>", "Kafka brokers (default: KAFKA_BROKERS, or 127.0.0.1:9092)")
    .addOption(timeoutOption("Kafka", defaultSeconds));
}

/** A number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

/** A whole number from 1 on. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number(text);
}

/** The address of an app, without a slash at its end. */
export function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError("It must be a URL such as http://127.0.0.1:3001.");
  return url.href.replace(/\/+$/, "");
}

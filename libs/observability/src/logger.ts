import { pino, type Logger } from "pino";
import { PinoPretty } from "pino-pretty";

export type { Logger };

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * A logger that writes to `destination` (standard output), one JSON object a line, or readable lines with
 * `pretty`. `context` is asked at each line for what else it holds. Ids come from strangers: no character of a logged value reaches a terminal as a control.
 */
export function createLogger(options: {
  name: string;
  level: LogLevel;
  pretty: boolean;
  context?: () => object;
  destination?: NodeJS.WritableStream;
}): Logger {
  const { name, level, pretty, context, destination = process.stdout } = options;
  const settings = {
    name,
    level,
    base: { name },
    ...(context && { mixin: context }),
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (!pretty) return pino({ ...settings, hooks: { streamWrite: escapeControls } }, destination);
  return pino(
    { ...settings, hooks: { streamWrite: keepEscapes } },
    PinoPretty({ destination, ignore: "pid,hostname,name", translateTime: "SYS:HH:MM:ss.l", colorize: true }),
  );
}

// DEL, the C1 controls, and what turns or breaks lines in a viewer; JSON leaves all of them as they are.
const rawControls = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Escapes the controls that JSON.stringify does not; the line means the same JSON as before. */
function escapeControls(line: string): string {
  return line.replace(
    rawControls,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** As escapeControls, but so that decoding the line gives the escape's text: pretty printing would undo it. */
function keepEscapes(line: string): string {
  return escapeControls(line).replace(/\\(?:u[0-9a-f]{4}|.)/g, (escape) =>
    /^\\[ubfr]/.test(escape) ? `\\${escape}` : escape,
  );
}

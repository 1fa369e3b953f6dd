import { readFile } from "node:fs/promises";
import { type Decoded, decodeChangeEvent, FreshetError } from "@freshet/contracts";
import type { Io } from "./io.ts";

/** One event as it was given: the line of its file (NDJSON), or its place in it, from 1 on. */
export interface GivenEvent {
  readonly index: number;
  readonly decoded: Decoded;
}

/**
 * Reads a file, or standard input for `-`.
 * @throws FreshetError EVENTS_UNREADABLE
 */
export async function readInput(file: string, { stdin }: Pick<Io, "stdin">): Promise<string> {
  try {
    if (file !== "-") return await readFile(file, "utf8");
    const chunks: Buffer[] = [];
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FreshetError("EVENTS_UNREADABLE", `${file}: ${why}`, { cause: error });
  }
}

/**
 * The change events of a text: one of them, an array, or one a line (NDJSON). One that is no change event comes with
 * the reason that its dead letter would bear. Pure.
 * @throws FreshetError EVENTS_UNREADABLE when there is none
 */
export function parseEvents(text: string, file: string): GivenEvent[] {
  return textsOf(text, file).map(({ index, json }) => given(index, json));
}

/**
 * The same as parsed JSON, not looked at yet; a line that is none stands as its text. Pure.
 * @throws FreshetError EVENTS_UNREADABLE when there is none
 */
export function parseSamples(text: string, file: string): readonly unknown[] {
  return textsOf(text, file).map(({ json }) => parse(json)?.value ?? json);
}

function textsOf(text: string, file: string): { readonly index: number; readonly json: string }[] {
  const whole = parse(text);
  const texts =
    whole !== undefined
      ? (Array.isArray(whole.value) ? (whole.value as unknown[]) : [whole.value]).map((value, at) => ({
          index: at + 1,
          json: JSON.stringify(value),
        }))
      : text.split("\n").flatMap((line, at) => (line.trim() === "" ? [] : [{ index: at + 1, json: line }]));
  if (texts.length === 0) throw new FreshetError("EVENTS_UNREADABLE", `${file} holds no event`);
  return texts;
}

function given(index: number, json: string): GivenEvent {
  return { index, decoded: decodeChangeEvent({ value: Buffer.from(json) }) };
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

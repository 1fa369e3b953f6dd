import { InvalidArgumentError } from "commander";

/** Where to begin to read. */
export type TailStart =
  | { readonly at: "beginning" | "end" }
  | { readonly at: "time"; readonly ms: number }
  | { readonly at: "offset"; readonly partition: number; readonly offset: bigint };

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `--from`. Pure but for `nowMs`. */
export function parseStart(text: string, nowMs: number): TailStart {
  if (text === "beginning" || text === "end") return { at: text };
  const [, partition, offset] = /^(\d{1,9})@(\d{1,18})$/.exec(text) ?? [];
  if (partition !== undefined && offset !== undefined)
    return { at: "offset", partition: Number(partition), offset: BigInt(offset) };
  const ms = timeMs(text, nowMs);
  if (ms === undefined)
    throw new InvalidArgumentError(
      "It must be beginning, end, an age (10m), a time (2026-11-22T20:00:00Z) or partition@offset (3@17).",
    );
  return { at: "time", ms };
}

/** Reads an option that is a time. */
export function parseTime(text: string, nowMs: number): Date {
  const ms = timeMs(text, nowMs);
  if (ms === undefined)
    throw new InvalidArgumentError("It must be an age (10m) or a time (2026-11-22T20:00:00Z).");
  return new Date(ms);
}

/** When an age or a time was, in ms since 1970; undefined: the text is neither. */
export function timeMs(text: string, nowMs: number): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return nowMs - Number(amount) * (unitMs[unit] ?? 0);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

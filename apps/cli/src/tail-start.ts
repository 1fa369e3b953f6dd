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
  const [, amount, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return { at: "time", ms: nowMs - Number(amount) * (unitMs[unit] ?? 0) };
  const [, partition, offset] = /^(\d{1,9})@(\d{1,18})$/.exec(text) ?? [];
  if (partition !== undefined && offset !== undefined)
    return { at: "offset", partition: Number(partition), offset: BigInt(offset) };
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError(
      "It must be beginning, end, an age (10m), a time (2026-11-22T20:00:00Z) or partition@offset (3@17).",
    );
  return { at: "time", ms };
}

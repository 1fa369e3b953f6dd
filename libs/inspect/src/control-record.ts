import { z } from "zod";

/** What operators tell every replica of a deployment, as the control topic holds it. */
export type ControlRecord =
  /** Since when the pool is paused; undefined: it is not. */
  | { readonly kind: "pause"; readonly pool: string; readonly sinceMs: number | undefined }
  /** Whatever the pool had missed or lost before this time is made up for: no gap or mark of then counts any more. */
  | { readonly kind: "settle"; readonly pool: string; readonly beforeMs: number };

const pauseValue = z.object({ pausedSinceMs: z.int().nonnegative().nullable() });
const settleValue = z.object({ settledBeforeMs: z.int().nonnegative() });

/** One place for a deployment: its replicas agree by reading it, those that are started later too. */
export function controlTopic(deployment: string): string {
  return `freshet.${deployment}.control`;
}

/** Key and value; the topic is compacted, so that the last word on a pool stays. */
export function encodeControl(record: ControlRecord): { readonly key: string; readonly value: string } {
  const key = `${record.kind}/${record.pool}`;
  const value =
    record.kind === "pause"
      ? { pausedSinceMs: record.sinceMs ?? null }
      : { settledBeforeMs: record.beforeMs };
  return { key, value: JSON.stringify(value) };
}

/** Undefined for what is none of ours, or of a later version. */
export function decodeControl(message: {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}): ControlRecord | undefined {
  const [, kind, pool] = /^(pause|settle)\/(.+)$/.exec(message.key?.toString() ?? "") ?? [];
  if (pool === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(message.value?.toString() ?? "");
  } catch {
    return undefined;
  }
  if (kind === "pause") {
    const { success, data } = pauseValue.safeParse(json);
    return success ? { kind, pool, sinceMs: data.pausedSinceMs ?? undefined } : undefined;
  }
  const { success, data } = settleValue.safeParse(json);
  return success ? { kind: "settle", pool, beforeMs: data.settledBeforeMs } : undefined;
}

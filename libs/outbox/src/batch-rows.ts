import type { OutboxRow } from "./claim.ts";

/** Rows of the first batch, whose size nobody knows yet. */
export const firstBatchRows = 500;

const batchBytes = 2 * 1_024 * 1_024;

/**
 * Rows of the next batch, `most` at the most: as many as would have had 2 MiB if all were as large as these on
 * average. Small rows are not left waiting for round trips, and large ones do not fill the memory. Pure.
 */
export function nextBatchRows(rows: readonly Pick<OutboxRow, "payload">[], most: number): number {
  const bytes = rows.reduce((sum, { payload }) => sum + payload.length, 0);
  return Math.max(1, Math.min(most, Math.floor((batchBytes * rows.length) / bytes)));
}

import { createHash } from "node:crypto";

/** Whether an event is audited: the same answer for the same id wherever it is asked, `rate` of all ids. */
export function isSampled(eventId: string, rate: number): boolean {
  if (rate >= 1) return true;
  return createHash("sha256").update(eventId).digest().readUInt32BE(0) < rate * 2 ** 32;
}

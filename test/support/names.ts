import { randomBytes } from "node:crypto";

/** A name that no other spec of this or a parallel run uses: "<prefix>-<10 hex>", fit for topics, groups, keys and ids. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString("hex")}`;
}

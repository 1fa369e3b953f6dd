import type { CommitMetadata } from "./offsets.ts";

/**
 * Why events may be missing: no offset and the log does not reach back far enough; the same after the committed
 * offset fell out of retention; the topic was deleted and made again; someone else moved the group; a
 * later version committed in a format that this one can't read, so that nobody here knows what its nodes have missed;
 * a batch of records can't be unpacked.
 */
export type GapReason =
  "no_offset" | "out_of_retention" | "recreated" | "moved" | "later_format" | "unreadable";

/** An offset that was read from this topic, and the first record that is younger than all records below it. */
interface AnchorFacts {
  readonly offset: bigint;
  /** First record appended after the highest append time below `offset`; `high` when there is none. */
  readonly firstAfter: bigint;
}

/** What is known of one partition before it is read. Offsets are those of the broker now. */
export interface PositionFacts {
  readonly committed: bigint | undefined;
  /** Metadata of that commit; undefined when it is missing or not ours. */
  readonly metadata: CommitMetadata | "later_format" | undefined;
  readonly low: bigint;
  readonly high: bigint;
  /** What tells the topic from a later one of its name; undefined: cannot be asked. */
  readonly anchor: AnchorFacts | undefined;
  /** First record younger than the longest hard TTL, `high` when there is none. */
  readonly firstWithinTtl: bigint;
  /** Retention of the topic in ms; -1 is without end. */
  readonly retentionMs: number;
  readonly longestHardTtlMs: number;
}

/** Where to read from; `gap`: events that this group should have seen and can't any more. */
export interface PositionDecision {
  readonly position: bigint;
  readonly gap: GapReason | undefined;
}

/** Decides the position of one partition at assignment, and again in the periodic check. Rules in order. */
export function decidePosition(facts: PositionFacts): PositionDecision {
  const { committed, metadata, low, high, anchor } = facts;
  // 1. Every record below the anchor was appended before the first younger one, so that one cannot lie below it;
  //    neither can the log end below the commit. Both happen when the topic was deleted and made again. That comes
  //    first: Kafka deletes the group's offsets with the topic, and a new log reaches back to its own beginning.
  if ((anchor !== undefined && anchor.firstAfter < anchor.offset) || (committed ?? 0n) > high)
    return { position: low, gap: "recreated" };
  // 2. A group that never committed starts at the lowest record, whatever its reset policy says.
  if (committed === undefined)
    return { position: low, gap: logCoversEveryValue(facts) ? undefined : "no_offset" };
  // 3. Only Freshet writes metadata: without it the offset is not the edge of what was done.
  const within = committed < low ? low : committed;
  if (metadata === undefined) return { position: within, gap: "moved" };
  // 4. The offset is right whatever the format; what is owed beside it can't be read.
  if (metadata === "later_format") return { position: within, gap: "later_format" };
  // 5. Records were deleted before they were read: harmless when they were older than any cached value.
  if (committed < low)
    return { position: low, gap: logCoversEveryValue(facts) ? undefined : "out_of_retention" };
  return { position: committed, gap: undefined };
}

/** Nothing cached outlives its hard TTL: a log that reaches back further explains every value. */
function logCoversEveryValue(facts: PositionFacts): boolean {
  const { low, high, firstWithinTtl, retentionMs, longestHardTtlMs } = facts;
  if (low === 0n) return true;
  if (low === high) return retentionMs === -1 || retentionMs > longestHardTtlMs;
  return firstWithinTtl > low;
}

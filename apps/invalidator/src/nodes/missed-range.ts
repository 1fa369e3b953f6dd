/** What is known of the records of one partition whose deletions a node owes. Offsets are those of the broker now. */
export interface MissedFacts {
  /** Oldest missed offset. */
  readonly from: bigint;
  /** Behind the last record that was taken while the node got no deletes: from here on it has got them live. */
  readonly end: bigint;
  readonly low: bigint;
  /**
   * First record that a value which is still cached may depend on: younger than the longest hard TTL. `low` where
   * append times say nothing; `end` or above when no record is that young.
   */
  readonly firstNeeded: bigint;
}

/** `lost`: records that the node needs can't be read any more. An empty range: nothing of it is needed. */
export type MissedRange = { readonly from: bigint; readonly end: bigint } | "lost";

/** What has to be replayed of one partition. Rules in order. */
export function decideRange({ from, end, low, firstNeeded }: MissedFacts): MissedRange {
  // 1. A node that missed something missed it below what was taken: this mark is of another topic of that name.
  if (from >= end) return "lost";
  // 2. The beginning is gone, and the log holds nothing so old that no cached value can be older.
  if (from < low && firstNeeded <= low) return "lost";
  // 3. What is older than any cached value needs no replay.
  const start = firstNeeded > from ? firstNeeded : from;
  return { from: start < end ? start : end, end };
}

/** How a node is brought up to date. */
export type CatchUpDecision = "replay" | "flush";

/**
 * A flush is one command whatever was missed, and costs a node's share of the keys; a replay costs only what changed.
 * So a node is flushed where its pool holds nothing else, and the range can't be read or is longer than `mostEvents`.
 */
export function decideCatchUp(
  ranges: readonly MissedRange[],
  { dedicated, mostEvents }: { readonly dedicated: boolean; readonly mostEvents: number },
): CatchUpDecision {
  const isLost = ranges.includes("lost");
  return dedicated && (isLost || eventsIn(ranges) > BigInt(mostEvents)) ? "flush" : "replay";
}

/** Records in all ranges that can be read. */
export function eventsIn(ranges: readonly MissedRange[]): bigint {
  return ranges.reduce((sum, range) => (range === "lost" ? sum : sum + range.end - range.from), 0n);
}

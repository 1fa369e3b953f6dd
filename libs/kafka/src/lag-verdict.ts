/** How the group of a pool does on one partition, in Burrow's words; the worst is the last. */
export const lagVerdicts = ["ok", "warning", "rewound", "stalled", "stopped"] as const;
/** How a partition or a group stands, by Burrow's rules. */
export type LagVerdict = (typeof lagVerdicts)[number];

/** A partition of a group as the broker had it at one look. */
export interface LagSample {
  /** undefined: nothing was committed yet. */
  readonly committed: bigint | undefined;
  readonly lag: bigint;
  /** Whether a member of the group had the partition. */
  readonly hasReader: boolean;
}

/** How many looks make a window. Burrow's default, too. */
export const lagWindow = 10;

/**
 * What the last looks at a partition say, the newest last; undefined while it is too early to say. The rules are
 * those of Burrow's evaluator (github.com/linkedin/Burrow, core/internal/evaluator), the first that holds decides.
 * Burrow sees commits alone and takes a group that makes none for stopped; Freshet commits only what is done, so
 * that a group in trouble makes none either: whether it is stopped or stalled the members tell.
 */
export function lagVerdict(samples: readonly LagSample[], window = lagWindow): LagVerdict | undefined {
  const seen = samples.slice(-window);
  const last = seen.at(-1);
  if (last === undefined) return undefined;
  // 1. Nothing waits: whatever happened before, nobody is late now.
  if (last.lag === 0n) return "ok";
  // 2. The position fell and the group has not come back to where it was: somebody moved it, or offsets were lost.
  const furthest = seen.reduce((most, { committed = -1n }) => (committed > most ? committed : most), -1n);
  if ((last.committed ?? -1n) < furthest) return "rewound";
  // A restart or a rebalance looks for some seconds like 3 to 5.
  if (seen.length < window) return undefined;
  // 3. Something waits, and at no look had anybody the partition.
  if (seen.every(({ hasReader }) => !hasReader)) return "stopped";
  // 4. It was caught up within the window: what waits now came since.
  if (seen.some(({ lag }) => lag === 0n)) return "ok";
  // 5. Something waited all the time, and the position never moved.
  if (seen.every(({ committed }) => committed === last.committed)) return "stalled";
  // 6. The position moves, but from no look to the next did less wait: it does not keep up.
  if (seen.every(({ lag }, at) => at === 0 || lag >= (seen[at - 1]?.lag ?? 0n))) return "warning";
  // 7. It works its way through what waits.
  return "ok";
}

/** The worst verdict of several partitions; undefined where none is known. */
export function worstVerdict(verdicts: Iterable<LagVerdict | undefined>): LagVerdict | undefined {
  const known = new Set(verdicts);
  return lagVerdicts.findLast((verdict) => known.has(verdict));
}

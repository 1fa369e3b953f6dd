/** Counts of a histogram up to each bound, as Prometheus keeps them; the last bound is Infinity. */
export interface Buckets {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

/**
 * The quantile (0 to 1) of what was observed between two readings of a histogram, in the unit of its bounds: within a
 * bucket it is interpolated, as histogram_quantile does. Beyond the last finite bound that bound is answered;
 * undefined when nothing was observed.
 */
export function quantileBetween(quantile: number, before: Buckets, after: Buckets): number | undefined {
  const counts = after.counts.map((count, index) => count - (before.counts[index] ?? 0));
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return undefined;
  const rank = quantile * total;
  const index = counts.findIndex((count) => count >= rank);
  const upper = after.bounds[index] ?? Infinity;
  const lower = index > 0 ? (after.bounds[index - 1] ?? 0) : 0;
  if (upper === Infinity) return lower;
  const below = index > 0 ? (counts[index - 1] ?? 0) : 0;
  const within = (counts[index] ?? 0) - below;
  return within === 0 ? upper : lower + (upper - lower) * ((rank - below) / within);
}

/**
 * The value below which `share` of the sorted values lie (nearest rank).
 * @param {readonly number[]} values
 * @param {number} share 0.5 is the median
 */
function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** @typedef {{ median: number, lowest: number, highest: number }} Spread */

/**
 * Median, lowest and highest of some rounds.
 * @param {readonly number[]} values
 * @returns {Spread}
 */
export function spread(values) {
  return { median: percentile(values, 0.5), lowest: percentile(values, 0), highest: percentile(values, 1) };
}

/**
 * Percentiles of delays in ms.
 * @param {readonly number[]} delaysMs
 */
export function distribution(delaysMs) {
  const at = (/** @type {number} */ share) => percentile(delaysMs, share);
  return { count: delaysMs.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** How much of a ratio of the reference may be missing: medians of three rounds on one machine differ by less. */
const MARGIN = 1 / 3;

/** @typedef {import("./scenarios.mjs").Ratio} Ratio */
/** @typedef {Record<string, { ratios: Record<string, Ratio> }>} Ratios by scenario */

/**
 * The ratios of a run that are worse than the reference's by more than the margin, as sentences. Ratios alone:
 * figures are another machine's.
 * @param {Ratios} run
 * @param {{ scenarios: Ratios }} reference
 * @returns {string[]}
 */
export function slowerThan(run, reference) {
  return Object.entries(run).flatMap(([scenario, { ratios }]) =>
    Object.entries(ratios).flatMap(([name, { value, atMost }]) => {
      const wanted = reference.scenarios[scenario]?.ratios[name]?.value.median;
      if (wanted === undefined) return [`${name}: the reference has no such ratio`];
      const [have, limit] = [value.median, atMost ? wanted * (1 + MARGIN) : wanted * (1 - MARGIN)];
      if (atMost ? have <= limit : have >= limit) return [];
      return [
        `${name}: ${have.toFixed(2)}, the reference has ${wanted.toFixed(2)} (${limit.toFixed(2)} would do)`,
      ];
    }),
  );
}

import { expect } from "vitest";
import { type FanOut } from "./fan-out.ts";
import { checkFanOut, compareKeys } from "./fan-out-oracle.ts";
import { type FanOutSizes, FanOutTraffic } from "./fan-out-traffic.ts";
import { waitFor } from "./wait-for.ts";

/**
 * Random changes under reads, twice for as long as `goesOn` says; then every cached value of every view is what the
 * databases say (I1), and the keys that were touched are those that the events name, no more and no fewer.
 */
export async function everyKeyIsReached(
  fanOut: FanOut,
  sizes: FanOutSizes,
  goesOn: () => (changes: number) => boolean,
): Promise<Readonly<Record<string, unknown>>> {
  const traffic = new FanOutTraffic(fanOut, sizes);
  await traffic.createAll();
  for (let half = 0; half < 2; half += 1) {
    await traffic.readAll();
    await traffic.run(goesOn(), 4);
  }
  await fanOut.untilQuiet();
  expect(traffic.failed).toBe(0);

  // As the traffic has left it, and with every view read once more.
  expect((await checkFanOut(fanOut)).violations).toEqual([]);
  // All searches have one tag, which every profile's change renews, those of other specs too: read until some are live.
  const { checked, violations } = await waitFor(
    async () => {
      await traffic.readAll();
      const verdict = await checkFanOut(fanOut);
      const isComplete = views.every((view) => (verdict.checked[view] ?? 0) > 0);
      return isComplete || verdict.violations.length > 0 ? verdict : undefined;
    },
    { timeoutMs: 60_000, describe: `values of every view: ${views.join(", ")}` },
  );
  expect(violations).toEqual([]);
  const { differences, ...counted } = await compareKeys(fanOut);
  expect(differences).toEqual([]);
  return { ...sizes, changes: traffic.changes, checked, violations: violations.length, ...counted };
}

const views = [
  "user_profile",
  "user_profile_by_handle",
  "team_directory",
  "team_page",
  "team_card",
  "search",
];

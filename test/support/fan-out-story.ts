import { expect } from "vitest";
import { type FanOut } from "./fan-out.ts";
import { checkFanOut, compareKeys } from "./fan-out-oracle.ts";
import { type FanOutSizes, FanOutTraffic } from "./fan-out-traffic.ts";

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
  await traffic.readAll();
  const { checked, violations } = await checkFanOut(fanOut);
  expect(violations).toEqual([]);
  for (const view of views) expect({ view, values: checked[view] ?? 0 }).not.toEqual({ view, values: 0 });
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

// A dozen schedules of the nemesis, in which every kind of fault comes: `npm run test:faults` plays hundreds.
import { expect, test } from "vitest";
import { playAll } from "../support/nemesis/play-all.ts";
import { describeOutcome } from "../support/nemesis/report.ts";
import { drawSchedules, faultKinds } from "../support/nemesis/schedule.ts";

// Chosen for being short: every kind comes, and those that take a session or a restart come together.
const seed = 7001;
const schedules = drawSchedules(seed, 12, 60);

test("every kind of fault comes in the dozen schedules", () => {
  const drawn = new Set(schedules.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
  expect(faultKinds.filter((kind) => !drawn.has(kind))).toEqual([]);
});

test("broken in a dozen ways and healed, the system has lost nothing and nothing stays old", async () => {
  const outcomes = await playAll(schedules, { worlds: 2 });
  expect(outcomes.filter(({ violations }) => violations.length > 0).map(describeOutcome)).toEqual([]);
  expect(outcomes).toHaveLength(schedules.length);
  for (const { events, keysChecked } of outcomes) expect(Math.min(events, keysChecked)).toBeGreaterThan(0);
}, 400_000);

// A dozen schedules of the nemesis, in which every kind of fault comes: `npm run test:faults` plays hundreds.
import { expect, test } from "vitest";
import { Nemesis, type Outcome } from "../support/nemesis/nemesis.ts";
import { describeOutcome } from "../support/nemesis/report.ts";
import { drawSchedules, faultKinds, type Schedule } from "../support/nemesis/schedule.ts";

// Chosen for being short: every kind comes, and those that take a session or a restart come together.
const seed = 5983;
const schedules = drawSchedules(seed, 12);

async function play(some: readonly Schedule[]): Promise<Outcome[]> {
  await using nemesis = await Nemesis.begin({ seed });
  const outcomes: Outcome[] = [];
  for (const schedule of some) outcomes.push(await nemesis.play(schedule));
  return outcomes;
}

test("every kind of fault comes in the dozen schedules", () => {
  const drawn = new Set(schedules.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
  expect(faultKinds.filter((kind) => !drawn.has(kind))).toEqual([]);
});

test("broken in a dozen ways and healed, the system has lost nothing and nothing stays old", async () => {
  // They mostly wait, for sessions to run out and brokers to start: two systems at a time.
  const halves = [0, 1].map((half) => schedules.filter((_, index) => index % 2 === half));
  const outcomes = (await Promise.all(halves.map(play))).flat();
  expect(outcomes.filter(({ violations }) => violations.length > 0).map(describeOutcome)).toEqual([]);
  for (const { events, keysChecked } of outcomes) expect(Math.min(events, keysChecked)).toBeGreaterThan(0);
}, 400_000);

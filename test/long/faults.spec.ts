// npm run test:faults -- --schedules 200 --seed 7 [--worlds 3] [--minutes 60] [--schedule 31] [--json report.json]
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Outcome } from "../support/nemesis/nemesis.ts";
import { playAll } from "../support/nemesis/play-all.ts";
import { describeOutcome, reportOf } from "../support/nemesis/report.ts";
import { drawSchedules } from "../support/nemesis/schedule.ts";

const {
  FAULT_SCHEDULES = "100",
  FAULT_WORLDS = "2",
  FAULT_SEED,
  FAULT_MINUTES,
  FAULT_SCHEDULE,
  FAULT_REPORT,
} = process.env;
const seed = Number(FAULT_SEED ?? Date.now() % 1_000_000);
const only = FAULT_SCHEDULE === undefined ? undefined : Number(FAULT_SCHEDULE);
const all = drawSchedules(seed, only ?? Number(FAULT_SCHEDULES));
const schedules = only === undefined ? all : all.slice(-1);

test(`${schedules.length} schedules of faults that the seed ${seed} draws: nothing is lost and nothing stays old`, async () => {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1_000;
  const outcomes: Outcome[] = [];
  try {
    await playAll(schedules, {
      worlds: Number(FAULT_WORLDS),
      crowd: 10_000,
      isOver: () => FAULT_MINUTES !== undefined && seconds() > Number(FAULT_MINUTES) * 60,
      onOutcome: (outcome) => {
        outcomes.push(outcome);
        console.log(`${seconds().toFixed(0)} s  ${describeOutcome(outcome)}`);
      },
    });
  } finally {
    const report = reportOf(seed, outcomes, seconds());
    console.log(report);
    if (FAULT_REPORT !== undefined) writeFileSync(FAULT_REPORT, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  expect(outcomes.flatMap(({ violations }) => violations)).toEqual([]);
});

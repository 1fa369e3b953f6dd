// npm run test:faults -- --schedules 200 --seed 7 [--minutes 60] [--schedule 31] [--json report.json]
import { copyFileSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Nemesis, type Outcome } from "../support/nemesis/nemesis.ts";
import { describeOutcome, reportOf } from "../support/nemesis/report.ts";
import { ownDir } from "../support/own-servers.ts";
import { drawSchedules } from "../support/nemesis/schedule.ts";

const { FAULT_SCHEDULES = "100", FAULT_SEED, FAULT_MINUTES, FAULT_SCHEDULE, FAULT_REPORT } = process.env;
const seed = Number(FAULT_SEED ?? Date.now() % 1_000_000);
const only = FAULT_SCHEDULE === undefined ? undefined : Number(FAULT_SCHEDULE);
const all = drawSchedules(seed, only ?? Number(FAULT_SCHEDULES));
const schedules = only === undefined ? all : all.slice(-1);
/** What every process has logged, beyond the end of the run. */
function keepLogs(): string {
  const kept = mkdtempSync(join(tmpdir(), "freshet-faults-"));
  for (const name of readdirSync(ownDir()).filter((each) => each.endsWith(".log")))
    copyFileSync(join(ownDir(), name), join(kept, name));
  return kept;
}

/** Each schedule reads the whole topic, and its disk is small. */
const schedulesOfOneWorld = 20;

test(`${schedules.length} schedules of faults that the seed ${seed} draws: nothing is lost and nothing stays old`, async () => {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1_000;
  const outcomes: Outcome[] = [];
  let nemesis: Nemesis | undefined;
  let played = 0;
  try {
    for (const schedule of schedules) {
      if (FAULT_MINUTES !== undefined && seconds() > Number(FAULT_MINUTES) * 60) break;
      nemesis ??= await Nemesis.begin({ seed: schedule.seed + schedule.number });
      const outcome = await nemesis.play(schedule);
      outcomes.push(outcome);
      console.log(`${seconds().toFixed(0)} s  ${describeOutcome(outcome)}`);
      played += 1;
      if (outcome.violations.length > 0) console.log(`the logs are kept in ${keepLogs()}`);
      if (outcome.violations.length === 0 && played < schedulesOfOneWorld) continue;
      await nemesis[Symbol.asyncDispose]();
      nemesis = undefined;
      played = 0;
    }
  } finally {
    await nemesis?.[Symbol.asyncDispose]();
    const report = reportOf(seed, outcomes, seconds());
    console.log(report);
    if (FAULT_REPORT !== undefined) writeFileSync(FAULT_REPORT, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  expect(outcomes.flatMap(({ violations }) => violations)).toEqual([]);
});

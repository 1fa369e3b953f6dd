import { describeFault, type FaultKind } from "./schedule.ts";
import { type Outcome } from "./nemesis.ts";

/** What a run of schedules came to, for people and as JSON. */
export interface FaultReport {
  readonly seed: number;
  readonly schedules: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly requests: Outcome["requests"];
  readonly events: number;
  readonly keysChecked: number;
  readonly seconds: number;
  /** With the schedule that shows each of them again. */
  readonly violations: readonly { readonly schedule: number; readonly what: string }[];
}

export function reportOf(seed: number, outcomes: readonly Outcome[], seconds: number): FaultReport {
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((all, each) => all + count(each), 0);
  const faults: Partial<Record<FaultKind, number>> = {};
  for (const { schedule } of outcomes)
    for (const { kind } of schedule.faults) faults[kind] = (faults[kind] ?? 0) + 1;
  return {
    seed,
    schedules: outcomes.length,
    faults,
    requests: {
      answered: sum(({ requests }) => requests.answered),
      refused: sum(({ requests }) => requests.refused),
      failed: sum(({ requests }) => requests.failed),
    },
    events: sum(({ events }) => events),
    keysChecked: sum(({ keysChecked }) => keysChecked),
    seconds: Math.round(seconds),
    violations: outcomes.flatMap(({ schedule, violations }) =>
      violations.map((what) => ({ schedule: schedule.number, what })),
    ),
  };
}

/** One line for each schedule, and all that happened in one that broke something. */
export function describeOutcome({ schedule, seconds, log, requests, events, violations }: Outcome): string {
  const parts = schedule.faults.map(describeFault);
  if (schedule.crowd !== undefined) parts.push(`${schedule.crowd} profiles change at once`);
  const head = `schedule ${schedule.number}, ${seconds.toFixed(1)} s, ${requests.answered} of ${requests.answered + requests.failed} requests, ${events} events, violations ${violations.length}: ${parts.join("; ")}`;
  return violations.length === 0 ? head : [head, ...log, ...violations].join("\n  ");
}

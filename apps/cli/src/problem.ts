import type { Terminal } from "./terminal.ts";

/** Something that is wrong now, and what to do about it. */
export interface Problem {
  readonly pool: string;
  readonly problem: string;
  readonly mend: string;
}

/** What a pause is to readers, and how to end it. */
export function pausedProblem(pool: string, since: string): Problem {
  return {
    pool,
    problem: `it is paused since ${since}: readers get old values`,
    mend: `\`freshet resume --pool ${pool}\``,
  };
}

export function printProblems(out: Terminal, problems: readonly Problem[]): void {
  for (const { pool, problem, mend } of problems)
    out.line({ text: "problem ", style: "red" }, `pool ${pool}: ${problem}; ${mend}`);
}

/** `1 message`, `2 messages`. */
export function counted(count: number | bigint, noun: string): string {
  return `${count} ${noun}${Number(count) === 1 ? "" : "s"}`;
}

/** Seconds as a person reads them: 0.04 s, 12 s, 3 min, 2.5 h, 4 d. */
export function seconds(value: number): string {
  if (value < 10) return `${Math.round(value * 100) / 100} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7_200) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${Math.round(value / 360) / 10} h`;
  return `${Math.round(value / 86_400)} d`;
}

/** How far something is behind, in one phrase; `null` seconds: messages wait, and nobody knows for how long. */
export function behind(messages: number, lagSeconds: number | null): string {
  if (messages === 0) return "nothing waits";
  const oldest = lagSeconds === null ? "of unknown age" : seconds(lagSeconds);
  return `${counted(messages, "message")} behind, the oldest ${oldest}`;
}

import type { Check } from "./verdict.ts";

/** A check whose time has come. */
export interface DueCheck {
  readonly check: Check;
  readonly horizonMs: number;
}

/** Which checks are due when: each once at every horizon after its event, in the order of their events. Pure. */
export class CheckQueue {
  readonly #horizonsMs: readonly number[];
  readonly #most: number;
  /** For each horizon the checks that wait for it; those before `from` are done. */
  readonly #lines: { waiting: Check[]; from: number }[];

  /** `most`: how many checks may wait, all horizons together. */
  constructor(horizonsMs: readonly number[], most: number) {
    this.#horizonsMs = [...horizonsMs].sort((a, b) => a - b);
    this.#most = most;
    this.#lines = this.#horizonsMs.map(() => ({ waiting: [], from: 0 }));
  }

  get size(): number {
    return this.#lines.reduce((sum, { waiting, from }) => sum + waiting.length - from, 0);
  }

  /** Lets a check wait for every horizon that is not past yet; false: there is no room, or all are past. */
  add(check: Check, nowMs: number): boolean {
    const ahead = this.#horizonsMs.map((horizonMs) => check.appendedMs + horizonMs >= nowMs);
    const count = ahead.filter(Boolean).length;
    if (count === 0 || this.size + count > this.#most) return false;
    for (const [index, isAhead] of ahead.entries()) if (isAhead) this.#lines[index]?.waiting.push(check);
    return true;
  }

  /** Takes out what is due, `most` at once; what is left is due again at the next question. */
  take(nowMs: number, most: number): DueCheck[] {
    const due: DueCheck[] = [];
    for (const [index, line] of this.#lines.entries()) {
      const horizonMs = this.#horizonsMs[index] ?? 0;
      for (; due.length < most; line.from += 1) {
        const check = line.waiting[line.from];
        if (check === undefined || check.appendedMs + horizonMs > nowMs) break;
        due.push({ check, horizonMs });
      }
      // Not at each question: to move the rest costs as much as there is of it.
      if (line.from > line.waiting.length / 2) {
        line.waiting = line.waiting.slice(line.from);
        line.from = 0;
      }
    }
    return due;
  }
}

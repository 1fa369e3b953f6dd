import { leastShare, nines } from "./confidence.ts";
import type { DueCheck } from "./check-queue.ts";
import type { Verdict } from "./verdict.ts";

/** How the checks of one view ended at one horizon. */
export interface Share {
  readonly pool: string;
  readonly view: string;
  readonly horizonSeconds: number;
  readonly counts: Readonly<Record<Verdict, number>>;
  /** Of the checks that ended as fresh or stale, those that were fresh; null without any. */
  readonly share: number | null;
  /** At least so many nines, at 95 % confidence. */
  readonly ninesAtLeast: number;
}

/** Counts verdicts by pool, view and horizon since the process began. */
export class Tally {
  readonly #counts = new Map<
    string,
    Omit<Share, "share" | "ninesAtLeast" | "counts"> & { counts: Record<Verdict, number> }
  >();

  add({ check: { pool, view }, horizonMs }: DueCheck, verdict: Verdict): void {
    const name = `${pool} ${view} ${horizonMs}`;
    let found = this.#counts.get(name);
    if (found === undefined) {
      const counts = { fresh: 0, stale: 0, unconfirmed: 0, unanswered: 0 } satisfies Record<Verdict, number>;
      found = { pool, view, horizonSeconds: horizonMs / 1_000, counts };
      this.#counts.set(name, found);
    }
    found.counts[verdict] += 1;
  }

  get shares(): Share[] {
    return [...this.#counts.values()].map(({ counts, ...of }) => {
      const checks = counts.fresh + counts.stale;
      return {
        ...of,
        counts: { ...counts },
        share: checks === 0 ? null : counts.fresh / checks,
        ninesAtLeast: nines(leastShare(counts.fresh, checks)),
      };
    });
  }
}

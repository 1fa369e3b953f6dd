import { describe, expect, it } from "vitest";
import { type LagSample, type LagVerdict, lagVerdict, worstVerdict } from "./lag-verdict.ts";

/** One look: `12+3` is committed 12 with 3 waiting, `-+3` nothing committed, `12+3!` nobody reads. */
function looks(text: string): LagSample[] {
  return text.split(" ").map((look) => {
    const [, committed = "", lag = "", nobody = ""] = /^(-|\d+)\+(\d+)(!?)$/.exec(look) ?? [];
    return {
      committed: committed === "-" ? undefined : BigInt(committed),
      lag: BigInt(lag),
      hasReader: nobody === "",
    };
  });
}

describe("lagVerdict, with windows of four looks", () => {
  it.each<[rule: number, verdict: LagVerdict | undefined, window: string, why: string]>([
    [1, "ok", "5+0", "one look is enough where nothing waits"],
    [1, "ok", "5+0! 5+0! 5+0! 5+0!", "nobody reads and nothing waits"],
    [1, "ok", "9+0 2+7 5+4 9+0", "it was rewound and has caught up since"],
    [1, "ok", "-+0 -+0 -+0 -+0", "nothing was ever committed or published"],
    [2, "rewound", "9+1 4+6", "the position fell; two looks are enough"],
    [2, "rewound", "9+0 9+0 4+5 6+3", "also when nothing waited before"],
    [2, "rewound", "9+1 -+10 -+10 -+10", "the commit is gone"],
    [4, "ok", "9+0 4+5 8+1 9+1", "it is back where it was"],
    [0, undefined, "5+3", "one look tells nothing of movement"],
    [0, undefined, "5+3! 5+3! 5+3!", "three are not a window"],
    [3, "stopped", "5+3! 5+3! 5+3! 5+3!", "nobody reads what waits"],
    [3, "stopped", "5+0! 5+1! 5+1! 5+2!", "also when nothing waited in the beginning"],
    [3, "stopped", "-+2! -+2! -+2! -+2!", "nobody has ever read"],
    [5, "stalled", "5+3! 5+3! 5+3! 5+3", "somebody has it now, but nothing moved"],
    [4, "ok", "5+0 5+3 5+3 5+3", "it was caught up in this window, and may be in the next"],
    [5, "stalled", "5+3 5+3 5+4 5+9", "the position does not move"],
    [5, "stalled", "-+3 -+3 -+3 -+3", "a member has it and has never committed"],
    [6, "warning", "5+3 6+3 7+4 8+4", "it moves, and no less waits"],
    [6, "warning", "5+3 5+3 5+3 8+3", "it moves late, and no less waits"],
    [7, "ok", "5+9 6+9 7+8 8+8", "less waits than did"],
    [7, "ok", "5+9 7+7 8+9 9+9", "once less waited: it can keep up"],
    [5, "stalled", "1+9 5+3 5+3 5+3 5+3", "what lies before the window does not count"],
  ])("rule %i: %s for %s, since %s", (_, verdict, window) => {
    expect(lagVerdict(looks(window), 4)).toBe(verdict);
  });

  it("says nothing without a look", () => {
    expect(lagVerdict([])).toBeUndefined();
  });
});

describe("worstVerdict", () => {
  it("is the worst of those that are known", () => {
    expect(worstVerdict(["ok", "stalled", undefined, "warning"])).toBe("stalled");
    expect(worstVerdict([undefined])).toBeUndefined();
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leastShare, nines } from "./confidence.ts";

describe("leastShare", () => {
  it("is the share at which what was seen lies 1.645 standard deviations away", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (checks, part) => {
          const fresh = Math.round(checks * part);
          const least = leastShare(fresh, checks);
          const deviation = Math.sqrt((least * (1 - least)) / checks);
          expect(least).toBeLessThanOrEqual(fresh / checks + 1e-12); // the last bit of a double
          expect(fresh / checks - least).toBeCloseTo(1.6449 * deviation, 4);
        },
      ),
    );
  });

  it("promises little after few checks and never certainty", () => {
    expect(leastShare(0, 0)).toBe(0);
    expect(leastShare(10, 10)).toBeCloseTo(0.787, 3);
    expect(nines(leastShare(1_000_000, 1_000_000))).toBeCloseTo(5.57, 2);
    expect(leastShare(999, 1_000)).toBeLessThan(leastShare(1_000, 1_000));
  });
});

describe("nines", () => {
  it.each([
    [0.9, 1],
    [0.999, 3],
    [0.99995, 4.301],
    [0, 0],
  ])("of %d are %d", (share, expected) => {
    expect(nines(share)).toBeCloseTo(expected, 3);
  });
});

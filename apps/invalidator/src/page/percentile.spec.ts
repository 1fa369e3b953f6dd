import { describe, expect, it } from "vitest";
import { quantileBetween } from "./percentile.ts";

const bounds = [0.01, 0.05, 0.1, Infinity];
const none = { bounds, counts: [0, 0, 0, 0] };
const read = (...counts: number[]) => ({ bounds, counts });

describe("a quantile of what a histogram has observed", () => {
  it.each([
    ["interpolates within the bucket that holds it", 0.5, none, read(0, 10, 10, 10), 0.03],
    ["takes the first bucket to begin at zero", 0.5, none, read(10, 10, 10, 10), 0.005],
    ["leaves out what was observed before", 0.5, read(90, 90, 90, 90), read(90, 100, 100, 100), 0.03],
    ["answers the last finite bound for what lies beyond it", 0.99, none, read(0, 0, 0, 10), 0.1],
    ["finds the tail", 0.99, none, read(98, 98, 100, 100), 0.075],
    ["passes over empty buckets", 0.5, none, read(0, 0, 4, 4), 0.075],
  ])("%s", (_, quantile, before, after, expected) => {
    expect(quantileBetween(quantile, before, after)).toBeCloseTo(expected, 6);
  });

  it("is unknown when nothing was observed", () => {
    expect(quantileBetween(0.5, read(1, 2, 3, 4), read(1, 2, 3, 4))).toBeUndefined();
    expect(quantileBetween(0.5, { bounds: [], counts: [] }, { bounds: [], counts: [] })).toBeUndefined();
  });

  it("counts a series that has just begun from zero", () => {
    expect(quantileBetween(0.5, { bounds: [], counts: [] }, read(0, 10, 10, 10))).toBeCloseTo(0.03, 6);
  });
});

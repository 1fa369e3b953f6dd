import fc from "fast-check";
import { expect, it } from "vitest";
import { EventRate } from "./event-rate.ts";

it("takes a minute's events at once, then those of the time that has passed", () => {
  const rate = new EventRate(60);
  const [who, other] = [{}, {}];
  expect(rate.take(who, 60, 0)).toBe(0);
  expect(rate.take(who, 1, 0)).toBe(1);
  expect(rate.take(other, 1, 0)).toBe(0);
  expect(rate.take(who, 5, 2_000)).toBe(3);
  expect(rate.take(who, 2, 2_000)).toBe(0);
  expect(rate.take(who, 1, 2_500)).toBe(1);
});

it("never takes more than the allowance of a minute and what has flowed in since", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 20_000 })));
  fc.assert(
    fc.property(steps, (sent) => {
      const rate = new EventRate(100);
      const who = {};
      let [nowMs, taken] = [0, 0];
      for (const [events, afterMs] of sent) {
        nowMs += afterMs;
        if (rate.take(who, events, nowMs) === 0) taken += events;
      }
      expect(taken).toBeLessThanOrEqual(100 + (nowMs / 60_000) * 100 + 1e-6);
    }),
  );
});

it("has events again after as many seconds as it says", () => {
  const rate = new EventRate(90);
  const who = {};
  rate.take(who, 90, 0);
  const seconds = rate.take(who, 40, 0);
  expect(rate.take(who, 40, (seconds - 1) * 1_000)).not.toBe(0);
  expect(rate.take(who, 40, seconds * 1_000)).toBe(0);
});

it("takes any number where there is no limit", () => {
  expect(new EventRate(0).take({}, 1_000_000, 0)).toBe(0);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { describeFault, drawSchedules, faultKinds } from "./schedule.ts";

test("a seed draws the same schedules again, and a longer run begins with those of a shorter one", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 40 }), (seed, count) => {
      const schedules = drawSchedules(seed, count);
      expect(drawSchedules(seed, count)).toEqual(schedules);
      expect(drawSchedules(seed, count + 7).slice(0, count)).toEqual(schedules);
    }),
  );
});

test("a schedule has one to three faults, each of another thing", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      for (const { faults } of drawSchedules(seed, 40)) {
        expect([1, 2, 3]).toContain(faults.length);
        expect(new Set(faults.map(({ target }) => target)).size).toBe(faults.length);
      }
    }),
  );
});

test("every kind of fault comes within so many schedules as there are kinds", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const drawn = drawSchedules(seed, faultKinds.length + 5).flatMap(({ faults }) => faults);
      expect(new Set(drawn.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
    }),
  );
});

test("a fault lasts for no more requests than the most", () => {
  const drawn = drawSchedules(1, 200, 40).flatMap(({ faults }) => faults.map(({ lasts }) => lasts));
  const counted = drawn.filter((lasts) => lasts !== "until noticed");
  expect([Math.min(...counted), Math.max(...counted)]).toEqual([20, 39]);
});

test("a fault reads as a sentence", () => {
  const fault = {
    kind: "invalidator frozen",
    target: "invalidator 1",
    afterRequests: 7,
    lasts: "until noticed",
    at: { step: "freshet:kafka.commit", nth: 2 },
  } as const;
  expect(describeFault(fault)).toBe(
    "invalidator frozen (invalidator 1) at freshet:kafka.commit 2, after 7 requests, until noticed",
  );
});

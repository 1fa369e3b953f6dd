import { expect, test } from "vitest";
import { CheckQueue } from "./check-queue.ts";
import { isSampled } from "./sample.ts";
import type { Check } from "./verdict.ts";

const check = (key: string, appendedMs: number): Check => ({
  pool: "p",
  view: "v",
  service: "s",
  key,
  entity: "e:1",
  version: 1,
  eventId: "e",
  topic: "t",
  partition: 0,
  offset: 0n,
  appendedMs,
});

test("a check is due once at each horizon after its event, and not before", () => {
  const queue = new CheckQueue([5_000, 1_000], 100);
  expect(queue.add(check("a", 0), 0)).toBe(true);
  expect(queue.add(check("b", 500), 500)).toBe(true);
  const taken = (nowMs: number, most = 10) =>
    queue.take(nowMs, most).map(({ check: { key }, horizonMs }) => `${key} ${horizonMs}`);
  expect(taken(999)).toEqual([]);
  expect(taken(1_000)).toEqual(["a 1000"]);
  expect(taken(1_000)).toEqual([]);
  expect(taken(9_000, 2)).toEqual(["b 1000", "a 5000"]);
  expect(taken(9_000, 2)).toEqual(["b 5000"]);
  expect(queue.size).toBe(0);
});

test("no more wait than may, and what comes after its last horizon is not taken", () => {
  const queue = new CheckQueue([1_000, 5_000], 3);
  expect(queue.add(check("late", 0), 5_001)).toBe(false);
  expect(queue.add(check("half", 0), 2_000)).toBe(true);
  expect(queue.size).toBe(1);
  expect(queue.add(check("a", 2_000), 2_000)).toBe(true);
  expect(queue.add(check("b", 2_000), 2_000)).toBe(false);
  expect(queue.size).toBe(3);
});

test("a sample is the same wherever it is drawn, and about as large as it should be", () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => `event-${index}`);
  const drawn = ids.filter((id) => isSampled(id, 0.1));
  expect(drawn).toEqual(ids.filter((id) => isSampled(id, 0.1)));
  expect(drawn.length).toBeGreaterThan(800);
  expect(drawn.length).toBeLessThan(1_200);
  expect(ids.every((id) => isSampled(id, 1))).toBe(true);
});

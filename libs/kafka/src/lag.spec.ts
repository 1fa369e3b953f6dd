import { expect, test } from "vitest";
import { offsetLag, seeBatch, seeDone, seeHigh, startLag, timeLagSeconds } from "./lag.ts";

const at = (seconds: number) => seconds * 1_000;

test("a partition without records that wait has no lag, however long it has been quiet", () => {
  const state = startLag(7n, 7n, at(0));
  expect(offsetLag(state)).toBe(0n);
  expect(timeLagSeconds(state, at(900))).toBe(0);
});

test("the age is that of the oldest record not done, not of the newest", () => {
  let state = seeBatch(startLag(0n, 0n, at(0)), 100n, at(10));
  expect(timeLagSeconds(state, at(12))).toBe(2);
  state = seeDone(state, 40n, at(11));
  expect([offsetLag(state), timeLagSeconds(state, at(12))]).toEqual([60n, 1]);
});

test("lag goes on growing while nothing is delivered", () => {
  const state = seeHigh(startLag(5n, 5n, at(0)), 9n, at(20));
  expect(offsetLag(state)).toBe(4n);
  expect(timeLagSeconds(seeHigh(state, 12n, at(30)), at(50))).toBe(30);
});

test("when everything is done the lag is zero at once", () => {
  const state = seeDone(seeBatch(startLag(0n, 3n, at(0)), 3n, at(1)), 3n, at(1));
  expect([offsetLag(state), timeLagSeconds(state, at(60))]).toEqual([0n, 0]);
});

test("a broker clock ahead of ours never makes the lag negative", () => {
  expect(timeLagSeconds(seeBatch(startLag(0n, 1n, at(0)), 1n, at(100)), at(90))).toBe(0);
});

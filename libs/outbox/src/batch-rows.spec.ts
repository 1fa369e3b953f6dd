import { expect, it } from "vitest";
import { nextBatchRows } from "./batch-rows.ts";

const rows = (count: number, bytes: number) =>
  Array.from({ length: count }, () => ({ payload: "x".repeat(bytes) }));

it.each([
  ["small rows: as many as there may be", rows(500, 425), 2_000],
  ["the largest rows: 2 MiB of them", rows(3, 65_536), 32],
  ["rows beyond the limit of a payload: one at a time", rows(1, 5_000_000), 1],
])("the next batch after %s", (_, last, next) => {
  expect(nextBatchRows(last, 2_000)).toBe(next);
});

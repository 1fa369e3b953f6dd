import { expect, test } from "vitest";
import { takenOrNew } from "./trace.ts";

const given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test("a request's trace goes on as it came", () => {
  expect(takenOrNew(given)).toBe(given);
});

test.each([
  ["none", undefined],
  ["two", [given, given]],
  ["an empty one", ""],
  ["a trace id of zeros", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
  ["a span id of zeros", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
  ["upper case", given.toUpperCase()],
  ["a version that does not exist", `ff${given.slice(2)}`],
  ["more behind it", `${given}\u001b[2J`],
])(
  "a request with %s gets a trace of its own, another each time, in the form of the standard",
  (_, header) => {
    const [first, second] = [takenOrNew(header), takenOrNew(header)];
    expect(first).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(first).not.toBe(second);
    expect(takenOrNew(first)).toBe(first);
  },
);

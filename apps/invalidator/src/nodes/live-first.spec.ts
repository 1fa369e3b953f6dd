import { expect, it } from "vitest";
import { LiveFirst } from "./live-first.ts";

/** A live batch that ends when it is told to. */
function heldBatch(live: LiveFirst): { end: () => void; ended: Promise<void> } {
  let end: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, ended: live.live(() => held) };
}

const never = new AbortController().signal;

it("lets a slice pass at once while no live batch is in hand", async () => {
  const live = new LiveFirst();
  await live.live(() => Promise.resolve());
  await live.turn(never);
});

it("holds a slice back until a live batch has ended, and then lets one pass although others are in hand", async () => {
  const live = new LiveFirst();
  const [one, other] = [heldBatch(live), heldBatch(live)];
  let passed = 0;
  const slices = live.turn(never).then(async () => {
    passed += 1;
    await live.turn(never);
    passed += 1;
  });
  await new Promise(setImmediate);
  expect(passed).toBe(0);
  one.end();
  await one.ended;
  await new Promise(setImmediate);
  expect(passed).toBe(1);
  other.end();
  await slices;
  expect(passed).toBe(2);
});

it("ends a turn when the replay is given up, and a failed batch counts as ended", async () => {
  const live = new LiveFirst();
  const held = heldBatch(live);
  const given = new AbortController();
  const turn = live.turn(given.signal);
  given.abort();
  await turn;
  held.end();
  await held.ended;
  await expect(live.live(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await live.turn(never);
});

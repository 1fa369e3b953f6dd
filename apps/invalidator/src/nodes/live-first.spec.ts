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

/** So many rounds of the event loop that whoever can go on has. */
async function rounds(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await new Promise(setImmediate);
}

const never = new AbortController().signal;

it("lets a slice pass at once while no live batch is in hand", async () => {
  const live = new LiveFirst();
  await live.live(() => Promise.resolve());
  await live.turn(never);
});

it("lets a live batch that has arrived go before the next slice", async () => {
  const live = new LiveFirst();
  const order: string[] = [];
  const arrived = new Promise<void>((resolve) => {
    // As a socket that is readable by now: its turn comes in this round of the event loop.
    setImmediate(() => {
      resolve(live.live(() => Promise.resolve(void order.push("live"))));
    });
  });
  await live.turn(never);
  order.push("slice");
  await arrived;
  expect(order).toEqual(["live", "slice"]);
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
  await rounds();
  expect(passed).toBe(0);
  one.end();
  await one.ended;
  await rounds();
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

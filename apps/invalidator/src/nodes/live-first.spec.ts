import { turn } from "@freshet/kafka";
import fc from "fast-check";
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

/** So many rounds of the event loop; without a number, so many that whoever can go on has. */
async function rounds(count = 5): Promise<void> {
  for (let round = 0; round < count; round += 1) await new Promise(setImmediate);
}

const never = new AbortController().signal;

it("lets a slice pass at once while no live batch is in hand", async () => {
  const live = new LiveFirst();
  await live.live(() => Promise.resolve());
  await live.turn(never);
});

it("lets live batches that have arrived go before the next slice, however many queue for their turn", async () => {
  const live = new LiveFirst();
  const order: string[] = [];
  const take = (name: string) => turn().then(() => live.live(() => Promise.resolve(void order.push(name))));
  // As a socket that is readable by now: its turn comes in this round of the event loop.
  setImmediate(() => {
    for (const name of ["one", "other", "third"]) void take(name);
  });
  await live.turn(never);
  order.push("slice");
  expect(order).toEqual(["one", "other", "third", "slice"]);
});

it("holds a slice back until every batch in hand has ended, but not for those that come meanwhile", async () => {
  const live = new LiveFirst();
  const [one, other] = [heldBatch(live), heldBatch(live)];
  let passed = 0;
  const slices = live.turn(never).then(async () => {
    passed += 1;
    await live.turn(never);
    passed += 1;
  });
  await rounds();
  one.end();
  const late = heldBatch(live);
  await rounds();
  expect(passed).toBe(0);
  other.end();
  await rounds();
  expect(passed).toBe(1);
  late.end();
  await slices;
  expect(passed).toBe(2);
});

it("has no live batch wait for more than one slice, and ends every slice, however batches come and last", async () => {
  const batch = fc.record({ comesAfter: fc.nat(40), lasts: fc.nat(12) });
  const slice = fc.nat(6);
  await fc.assert(
    fc.asyncProperty(
      fc.array(batch, { minLength: 1, maxLength: 12 }),
      fc.array(slice, { minLength: 1, maxLength: 12 }),
      async (batches, slices) => {
        const live = new LiveFirst();
        let begun = 0;
        const waitedFor = batches.map(async ({ comesAfter, lasts }) => {
          await rounds(comesAfter);
          const before = begun;
          await turn();
          await live.live(() => rounds(lasts));
          return begun - before;
        });
        for (const lasts of slices) {
          await live.turn(never);
          begun += 1;
          await rounds(lasts);
        }
        expect(Math.max(...(await Promise.all(waitedFor)))).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 300 },
  );
});

it("ends a turn when the replay is given up, and a failed batch counts as ended", async () => {
  const live = new LiveFirst();
  const held = heldBatch(live);
  const given = new AbortController();
  const turned = live.turn(given.signal);
  given.abort();
  await turned;
  held.end();
  await held.ended;
  await expect(live.live(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await live.turn(never);
});

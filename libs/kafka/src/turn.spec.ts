import { beforeEach, expect, it } from "vitest";
import { turn } from "./turn.ts";

/** Names what has had its turn, in this order. */
function takers(): { order: string[]; take: (name: string, events?: number) => void } {
  const order: string[] = [];
  return { order, take: (name, events) => void turn(events).then(() => order.push(name)) };
}

const round = () => new Promise(setImmediate);
/** All that can go on without another round. */
const microtasks = () =>
  new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });

beforeEach(round); // what the last test took counts in its own round

it("gives each of many batches a round of the event loop for itself, in their order", async () => {
  const { order, take } = takers();
  for (const name of ["one", "other", "third"]) take(name, 1_000);
  const seen: number[] = [];
  while (order.length < 3) {
    await round();
    seen.push(order.length);
  }
  expect(order).toEqual(["one", "other", "third"]);
  expect(seen).toEqual([...new Set(seen)]);
});

it("lets a few events go at once, before anything else is read or asked for", async () => {
  const { order, take } = takers();
  const later = round().then(() => order.push("the next round"));
  take("few", 20);
  take("as few", 20);
  await later;
  expect(order).toEqual(["few", "as few", "the next round"]);
});

it("has no more than a few go at once in a round, however many batches they come in", async () => {
  const { order, take } = takers();
  for (const name of ["one", "other", "third", "fourth"]) take(name, 30);
  await microtasks();
  expect(order).toEqual(["one", "other"]);
  while (order.length < 4) await round();
  take("again", 30);
  await microtasks();
  expect(order).toEqual(["one", "other", "third", "fourth", "again"]);
});

it("lets nobody overtake a batch that waits", async () => {
  const { order, take } = takers();
  take("many", 1_000);
  take("few", 1);
  while (order.length < 2) await round();
  expect(order).toEqual(["many", "few"]);
});

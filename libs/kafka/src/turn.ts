/** Events that are worked on at once, in each round of the event loop: a millisecond's work at the most. */
const atOnce = 64;

let last: Promise<void> = Promise.resolve();
let waiting = 0;
let taken = 0;

/**
 * Resolves in a turn of the event loop that nobody else has. The batches of a fetch come all at once: worked on in one
 * go, they would keep the next fetch from being asked for, and what is written for the first from being sent, until
 * the last of them is planned. Turns come in the order in which they were asked for: what else works in slices asks for
 * one as well, and goes behind the batches that wait.
 *
 * A few events keep nobody waiting, and do not wait: kafkajs asks for its next fetch first, which takes 0.4 ms.
 */
export async function turn(events = Infinity): Promise<void> {
  if (waiting === 0 && taken + events <= atOnce) {
    if (taken === 0) setImmediate(endRound);
    taken += events;
    return;
  }
  waiting += 1;
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  await last;
  waiting -= 1;
}

function endRound(): void {
  taken = 0;
}

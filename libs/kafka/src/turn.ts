let last: Promise<void> = Promise.resolve();

/**
 * Resolves in a turn of the event loop that nobody else has. The batches of a fetch come all at once: worked on in one
 * go, they would keep the next fetch from being asked for, and what is written for the first from being sent, until
 * the last of them is planned. Turns come in the order in which they were asked for: what else works in slices asks for
 * one as well, and goes behind the batches that wait.
 */
export function turn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  return last;
}

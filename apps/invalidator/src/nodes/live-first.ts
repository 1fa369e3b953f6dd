import { setTimeout as delay } from "node:timers/promises";

/** A batch that hangs, on a dead letter that can't be written, holds up a replay for no longer than this. */
const patienceMs = 1_000;

/** Lets the slices of a replay pass between the live batches of a pool: none begins while a batch is in hand. */
export class LiveFirst {
  #inHand = 0;
  #ended: Promise<void> = Promise.resolve();
  #end: () => void = () => undefined;

  /** Runs one live batch. */
  async live<Result>(batch: () => Promise<Result>): Promise<Result> {
    if (this.#inHand === 0) this.#await();
    this.#inHand += 1;
    try {
      return await batch();
    } finally {
      this.#inHand -= 1;
      this.#end();
      if (this.#inHand > 0) this.#await();
    }
  }

  /**
   * Resolves while no live batch is in hand, else as soon as one has ended: under traffic without a pause a replay
   * still goes on, a slice after each batch. What has arrived by now, while the last slice was planned, comes first.
   */
  async turn(signal: AbortSignal): Promise<void> {
    await new Promise(setImmediate);
    if (this.#inHand === 0) return;
    const waited = new AbortController();
    const patience = delay(patienceMs, undefined, { signal: AbortSignal.any([signal, waited.signal]) });
    await Promise.race([this.#ended, patience.catch(() => undefined)]);
    waited.abort();
  }

  #await(): void {
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }
}

import { setTimeout as delay } from "node:timers/promises";
import { turn } from "@freshet/kafka";

/** A batch that hangs, on a dead letter that can't be written, holds up a replay once, and for no longer than this. */
const patienceMs = 1_000;

/**
 * Lets the slices of a replay pass between the live batches of a pool: a batch that has arrived when a slice ends is
 * done before the next one begins, so that none waits for more than one slice.
 */
export class LiveFirst {
  /** The ends of the batches in hand. */
  readonly #inHand = new Set<Promise<void>>();

  /** Runs one live batch. */
  async live<Result>(batch: () => Promise<Result>): Promise<Result> {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#inHand.add(ended);
    try {
      return await batch();
    } finally {
      this.#inHand.delete(ended);
      end();
    }
  }

  /**
   * Resolves when a slice may begin: every batch that has arrived by now is done. Those that arrive meanwhile are not
   * waited for, so that a replay goes on under traffic without a pause.
   */
  async turn(signal: AbortSignal): Promise<void> {
    // What came while the last slice was planned is read from its socket in this round, and queues for its turn.
    await new Promise(setImmediate);
    await turn();
    const before = [...this.#inHand];
    if (before.length === 0) return;
    const waited = new AbortController();
    const patience = delay(patienceMs, undefined, { signal: AbortSignal.any([signal, waited.signal]) });
    await Promise.race([Promise.all(before), patience.catch(() => undefined)]);
    waited.abort();
    for (const hanging of before) this.#inHand.delete(hanging);
  }
}

import { FreshetError } from "@freshet/contracts";
import { isInsideLoader } from "./loading.ts";

/**
 * How many loads of one cache run at once and how many wait. After the flush of a node every read is a miss, and
 * without a bound the primary would get all of them at once. Behind a full queue a read would not be answered in
 * time either: it is refused, as an overloaded primary refuses a connection.
 */
export class LoadLimit {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor({ running, waiting }: { readonly running: number; readonly waiting: number }) {
    this.#maxRunning = running;
    this.#maxWaiting = waiting;
  }

  /**
   * Runs a load in its turn. One inside another load runs at once: waiting for a place that its own parent holds
   * it could wait for ever.
   * @throws FreshetError LOAD_OVERLOADED, and what the load throws
   */
  async run<Result>(load: () => Promise<Result>): Promise<Result> {
    if (isInsideLoader()) return load();
    if (this.#running < this.#maxRunning) this.#running++;
    else if (this.#waiting.length < this.#maxWaiting)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else
      throw new FreshetError(
        "LOAD_OVERLOADED",
        `${this.#running} loads run and ${this.#waiting.length} wait: no more are taken`,
      );
    try {
      return await load();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

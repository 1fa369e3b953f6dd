/**
 * Which pools are paused, and the batches that wait for it. Until what the deployment says is known, every batch
 * waits: a replica that is started while a pool is paused must not delete in it first.
 */
export class Pauses {
  readonly #sinceMs = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #isKnown = false;
  #isClosed = false;

  /** Since when the pool is paused; undefined: it is not. */
  sinceMs(pool: string): number | undefined {
    return this.#sinceMs.get(pool);
  }

  set(pool: string, sinceMs: number | undefined): void {
    if (sinceMs === undefined) this.#sinceMs.delete(pool);
    else this.#sinceMs.set(pool, sinceMs);
    this.#wake();
  }

  /** What the deployment says has been read, or can't be read: invalidating matters more than a pause. */
  known(): void {
    this.#isKnown = true;
    this.#wake();
  }

  /** Nothing waits any more: what waits is left to the next start. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /**
   * Resolves with true at once while the pool is not paused, else when it is resumed; with false when the process
   * ends before. Rejects at `signal`.
   */
  async pass(pool: string, signal: AbortSignal): Promise<boolean> {
    while (!this.#isKnown || this.#sinceMs.has(pool)) {
      signal.throwIfAborted();
      if (this.#isClosed) return false;
      await this.#changed(signal);
    }
    return true;
  }

  async #changed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

import { setTimeout as delay } from "node:timers/promises";

/** A token bucket at one moment; negative: what was taken in advance. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** What may pass at once after a pause, as a part of a second: enough that timers need not be exact. */
const burstSeconds = 0.1;

/** Takes `wanted` tokens out of a bucket that fills by `perSecond`; `waitMs` is how long to wait before using them. Pure. */
export function take(
  bucket: Bucket,
  wanted: number,
  perSecond: number,
  nowMs: number,
): { readonly bucket: Bucket; readonly waitMs: number } {
  const elapsedSeconds = Math.max(0, nowMs - bucket.atMs) / 1_000;
  const filled = Math.min(perSecond * burstSeconds, bucket.tokens + elapsedSeconds * perSecond);
  const tokens = filled - wanted;
  return { bucket: { tokens, atMs: nowMs }, waitMs: tokens < 0 ? (-tokens / perSecond) * 1_000 : 0 };
}

/** Lets so many keys a second pass, whoever asks; who is too fast waits, and nothing is dropped. */
export class RateLimit {
  readonly #perSecond: number | undefined;
  readonly #onWait: (waitMs: number) => void;
  #bucket: Bucket = { tokens: 0, atMs: 0 };

  /** `perSecond` undefined: as many as come. */
  constructor(perSecond: number | undefined, onWait: (waitMs: number) => void = () => undefined) {
    this.#perSecond = perSecond;
    this.#onWait = onWait;
  }

  /** The items, in portions that come when they may be used; rejects at `signal`. */
  async *portions<Item>(items: readonly Item[], signal?: AbortSignal): AsyncGenerator<readonly Item[]> {
    if (this.#perSecond === undefined) {
      if (items.length > 0) yield items;
      return;
    }
    const most = Math.max(1, Math.floor(this.#perSecond * burstSeconds));
    for (let from = 0; from < items.length; from += most) {
      const portion = items.slice(from, from + most);
      await this.#pass(portion.length, this.#perSecond, signal);
      yield portion;
    }
  }

  /** Resolves when one item may be used; rejects at `signal`. */
  async one(signal?: AbortSignal): Promise<void> {
    if (this.#perSecond !== undefined) await this.#pass(1, this.#perSecond, signal);
  }

  async #pass(wanted: number, perSecond: number, signal: AbortSignal | undefined): Promise<void> {
    const { bucket, waitMs } = take(this.#bucket, wanted, perSecond, Date.now());
    this.#bucket = bucket;
    if (waitMs > 0) {
      this.#onWait(waitMs);
      await delay(waitMs, undefined, signal === undefined ? {} : { signal });
    }
    signal?.throwIfAborted();
  }
}

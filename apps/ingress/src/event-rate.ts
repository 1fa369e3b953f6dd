/** Token buckets, one for each who sends: a minute's events at once, refilled evenly. Pure but for its memory. */
export class EventRate<Who extends object> {
  readonly #perMinute: number;
  readonly #buckets = new WeakMap<Who, { left: number; atMs: number }>();

  /** 0: any number. */
  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Takes `events` and answers 0, or takes none and answers after how many seconds they would be there. */
  take(who: Who, events: number, nowMs: number): number {
    if (this.#perMinute === 0) return 0;
    const { left, atMs } = this.#buckets.get(who) ?? { left: this.#perMinute, atMs: nowMs };
    const perMs = this.#perMinute / 60_000;
    const now = Math.min(this.#perMinute, left + Math.max(0, nowMs - atMs) * perMs);
    const isEnough = now >= events;
    this.#buckets.set(who, { left: isEnough ? now - events : now, atMs: Math.max(nowMs, atMs) });
    return isEnough ? 0 : Math.max(1, Math.ceil((events - now) / perMs / 1_000));
  }
}

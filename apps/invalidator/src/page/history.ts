import { figuresOf, type Reading } from "./figures.ts";
import type { Slot } from "./message.ts";

/** One look at every pool. */
export interface Look {
  readonly atMs: number;
  readonly pools: ReadonlyMap<string, Reading>;
}

/** Length of a slot in seconds; there are 360, an hour of them. */
export const slotSeconds = 10;
const slotsKept = 360;
const secondsKept = 60;

/** The last hour in slots and the last minute look by look, of what this process has seen. No clock: looks bear the time. */
export class History {
  readonly #looks: Look[] = [];
  readonly #slots: Slot[] = [];
  /** From the look on which the slot under way began. */
  #slot: Look[] = [];

  /** The slots that have ended, the oldest first. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Takes the next look; answers the slot that it ends, if any. */
  add(look: Look): Slot | undefined {
    this.#looks.push(look);
    while ((this.#looks[0]?.atMs ?? look.atMs) < look.atMs - secondsKept * 1_000) this.#looks.shift();
    this.#slot.push(look);
    const began = this.#slot[0]?.atMs ?? look.atMs;
    if (look.atMs - began < slotSeconds * 1_000) return undefined;
    const slot = slotOf(this.#slot);
    this.#slot = [look];
    this.#slots.push(slot);
    if (this.#slots.length > slotsKept) this.#slots.shift();
    return slot;
  }

  /** The lag of the last look, rates over the last slot's length, percentiles over the last minute. */
  now(): Slot {
    const last = this.#looks.at(-1);
    if (last === undefined) return { atMs: 0, pools: {} };
    const sinceMs = last.atMs - slotSeconds * 1_000;
    const [lag, rates, minute] = [
      slotOf([last]),
      slotOf(this.#looks.filter(({ atMs }) => atMs >= sinceMs)),
      slotOf(this.#looks),
    ];
    const pools = Object.entries(lag.pools).map(([pool, { lagMessages, lagSeconds }]) => {
      const { goneP50Ms = null, goneP99Ms = null } = minute.pools[pool] ?? {};
      const { eventsPerSecond = 0, keysPerSecond = 0 } = rates.pools[pool] ?? {};
      return [
        pool,
        { lagMessages, lagSeconds, eventsPerSecond, keysPerSecond, goneP50Ms, goneP99Ms },
      ] as const;
    });
    return { atMs: last.atMs, pools: Object.fromEntries(pools) };
  }
}

function slotOf(looks: readonly Look[]): Slot {
  const last = looks.at(-1);
  const names = [...(last?.pools.keys() ?? [])];
  const pools = names.map((name) => [name, figuresOf(looks.flatMap(({ pools }) => pools.get(name) ?? []))]);
  return { atMs: last?.atMs ?? 0, pools: Object.fromEntries(pools) as Slot["pools"] };
}

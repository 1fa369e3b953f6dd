import { AsyncLocalStorage } from "node:async_hooks";

const actor = new AsyncLocalStorage<string>();

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Actors that take one step at a time, in an order that the seed determines. */
export class Schedule {
  readonly random: () => number;
  /** The steps that were taken, in their order. */
  readonly trace: string[] = [];
  readonly #parked: { readonly name: string; readonly go: () => void }[] = [];
  readonly #failures: unknown[] = [];
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  /** Begins to act when its turn comes. */
  spawn(name: string, act: () => Promise<unknown>): void {
    actor.run(name, () => {
      this.turn("begins")
        .then(act)
        .catch((error: unknown) => this.#failures.push(error));
    });
  }

  /** Resolves when it is the turn of the actor that calls this. */
  turn(step: string): Promise<void> {
    return new Promise((go) => {
      this.#parked.push({ name: `${actor.getStore() ?? "nobody"}: ${step}`, go });
    });
  }

  /** No other actor acts while this is under way. */
  async alone<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay++;
    try {
      return await work;
    } finally {
      if (--this.#underWay === 0) this.#onIdle?.();
    }
  }

  /**
   * Lets the actors act until none has anything to do, with `afterEach` after each step.
   * @throws what an actor or `afterEach` throws
   */
  async run(afterEach: () => Promise<void>): Promise<void> {
    for (;;) {
      await this.#settled();
      if (this.#failures.length > 0) throw this.#failures[0];
      await afterEach();
      const [chosen] = this.#parked.splice(Math.floor(this.random() * this.#parked.length), 1);
      if (!chosen) return;
      this.trace.push(chosen.name);
      chosen.go();
    }
  }

  /** Everybody waits for a turn: no answer of memcached is outstanding, and what followed from the last has run. */
  async #settled(): Promise<void> {
    do {
      if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#underWay > 0);
  }
}

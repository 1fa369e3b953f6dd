/** Numbers from 0 to 1 that follow from the seed. @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The items again and again, each time in another order: none comes twice before all have come. */
export class Deck<T> {
  readonly #items: readonly T[];
  readonly #random: () => number;
  #left: T[] = [];

  constructor(items: readonly T[], random: () => number) {
    this.#items = items;
    this.#random = random;
  }

  draw(): T {
    if (this.#left.length === 0) this.#left = [...this.#items];
    const [item] = this.#left.splice(Math.floor(this.#random() * this.#left.length), 1);
    if (item === undefined) throw new Error("a deck without items");
    return item;
  }
}

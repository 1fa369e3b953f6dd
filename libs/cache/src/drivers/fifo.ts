const leastRoom = 16;

/**
 * A queue on a ring of slots. Neither a Map nor a linked list: each entry that they have ever held leads to the
 * next one, so that once some are in V8's old space the collector keeps all that came after them (a quarter of the
 * time of a hit went into that).
 */
export class Fifo<Item extends object> {
  #slots = new Array<Item | undefined>(leastRoom).fill(undefined);
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The oldest. */
  get first(): Item | undefined {
    return this.#slots[this.#first];
  }

  push(item: Item): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#first + this.#size) & (this.#slots.length - 1)] = item;
    this.#size++;
  }

  /** Takes the oldest out. */
  shift(): Item | undefined {
    const item = this.#slots[this.#first];
    if (!item) return undefined;
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#slots.length - 1);
    this.#size--;
    return item;
  }

  #grow(): void {
    const inOrder = [...this.#slots.slice(this.#first), ...this.#slots.slice(0, this.#first)];
    this.#slots = [...inOrder, ...new Array<undefined>(inOrder.length).fill(undefined)];
    this.#first = 0;
  }
}

import { type DeadLetterRecord, type Letter, positionText, type Position } from "./letter.ts";
import { matches, type Where } from "./where.ts";

/** The letters of all pools about one event. */
export interface IndexedLetter {
  readonly source: Position;
  readonly reason: string;
  readonly pools: readonly string[];
  readonly attempt: number;
  readonly parkedMs: number;
  /** Of the whole value. */
  readonly bytes: number;
  /** No pool has a whole letter of it. */
  readonly isCut: boolean;
  /** When it was redriven; undefined: never, or the receipt is gone. */
  readonly redrivenMs: number | undefined;
}

/**
 * What dead-letter topics hold, merged by topic, partition and offset. It keeps a few words of each letter, never
 * its bytes: a hundred thousand letters take some 30 MB, whatever their size.
 */
export class LetterIndex {
  readonly #where: Where;
  readonly #letters = new Map<string, IndexedLetter>();
  readonly #redriven = new Map<string, number>();
  /** Records that are neither letters nor receipts of Freshet. */
  foreign = 0;

  constructor(where: Where) {
    this.#where = where;
  }

  add(record: DeadLetterRecord): void {
    if (record.kind === "foreign") this.foreign += 1;
    else if (record.kind === "receipt")
      for (const position of record.positions) this.#redriven.set(position, record.atMs);
    else if (matches(this.#where, record)) this.#merge(record);
  }

  /** Sorted by topic, partition and offset. */
  get letters(): IndexedLetter[] {
    return [...this.#letters]
      .map(([position, letter]) => ({ ...letter, redrivenMs: this.#redriven.get(position) }))
      .sort((a, b) => byPosition(a.source, b.source));
  }

  #merge(letter: Letter): void {
    const { source, reason, pool, attempt, parkedMs, value, cut } = letter;
    const position = positionText(source);
    const known = this.#letters.get(position);
    const isNew = known?.pools.includes(pool) !== true;
    this.#letters.set(position, {
      source,
      reason: known?.reason ?? reason,
      pools: isNew ? [...(known?.pools ?? []), pool].sort() : known.pools,
      attempt: Math.max(known?.attempt ?? 1, attempt),
      parkedMs: Math.min(known?.parkedMs ?? parkedMs, parkedMs),
      bytes: Math.max(known?.bytes ?? 0, cut?.sizeBytes ?? value?.length ?? 0),
      isCut: (known?.isCut ?? true) && cut !== undefined,
      redrivenMs: undefined,
    });
  }
}

/** How many of each. */
export function countsBy<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)));
}

function byPosition(a: Position, b: Position): number {
  return a.topic.localeCompare(b.topic) || a.partition - b.partition || Number(a.offset - b.offset);
}

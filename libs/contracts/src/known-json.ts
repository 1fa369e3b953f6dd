import { type JsonShape, readAs, shapeOf } from "./json-shape.ts";

/** The events of a topic have a few shapes: created, updated, deleted, with or without an optional attribute. */
const mostShapes = 8;
/** Learning takes as long as parsing ten times: it is done once for so many texts that are not known. */
const missesPerLesson = 16;
/** What is longer is mostly long texts, over which JSON.parse passes more quickly. */
const mostBytes = 2_048;

/**
 * JSON that looks like earlier JSON: the same bytes but for plain texts, counts and lists of these. To compare them and
 * cut out what differs takes half to three quarters of what JSON.parse takes; docs/decisions/0011-own-decoding.md.
 */
export class KnownJson {
  /** The one that matched last comes first. */
  #shapes: readonly JsonShape[] = [];
  #misses = 0;

  /** What JSON.parse would answer, or undefined where only JSON.parse can tell: a property test holds the two together. */
  read(bytes: Buffer): object | undefined {
    for (const shape of this.#shapes) {
      const found = readAs(shape, bytes);
      if (found === undefined) continue;
      if (shape !== this.#shapes[0])
        this.#shapes = [shape, ...this.#shapes.filter((other) => other !== shape)];
      return found;
    }
    return undefined;
  }

  /** Shows it what it did not know, and what JSON.parse made of it. */
  learn(bytes: Buffer, parsed: object): void {
    const isLesson = this.#misses % missesPerLesson === 0;
    this.#misses += 1;
    if (!isLesson || bytes.length > mostBytes) return;
    const shape = shapeOf(bytes, parsed, this.#shapes);
    if (shape)
      this.#shapes = [shape, ...this.#shapes.filter((other) => other.frame !== shape.frame)].slice(
        0,
        mostShapes,
      );
  }
}

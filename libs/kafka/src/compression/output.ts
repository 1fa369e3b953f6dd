import { TooLarge } from "./too-large.ts";

/** What is unpacked so far: what follows may repeat parts of it. */
export class Output {
  #buffer: Buffer;
  #length = 0;
  readonly #mostBytes: number;

  /** `expectedBytes`: what to begin with; it grows up to `mostBytes`. */
  constructor(mostBytes: number, expectedBytes: number) {
    this.#mostBytes = mostBytes;
    this.#buffer = Buffer.allocUnsafe(Math.min(mostBytes, expectedBytes));
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  append(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Appends bytes that were written `distance` before; they may overlap with what they write. */
  repeat(distance: number, length: number): void {
    if (distance === 0 || distance > this.#length) throw new Error("a match refers to before the beginning");
    this.#reserve(length);
    const buffer = this.#buffer;
    const end = this.#length + length;
    if (distance >= length) buffer.copyWithin(this.#length, this.#length - distance, end - distance);
    else for (let at = this.#length; at < end; at += 1) buffer[at] = buffer[at - distance] ?? 0;
    this.#length = end;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed > this.#mostBytes) throw new TooLarge();
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.min(this.#mostBytes, Math.max(needed, 2 * this.#buffer.length)));
    larger.set(this.bytes);
    this.#buffer = larger;
  }
}

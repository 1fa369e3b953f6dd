/** One answer of memcached's meta protocol: a line, and the data block of a VA line. */
export interface MetaFrame {
  /** VA, HD, EN, NF, NS, EX, or a word such as SERVER_ERROR. */
  readonly code: string;
  /** What follows on the line; each flag with its value, e.g. `c635`. */
  readonly flags: readonly string[];
  readonly value?: Buffer;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const maxLineBytes = 2_048;

/** Cuts the bytes of a connection into frames, however TCP has cut them. */
export class MetaParser {
  readonly #onFrame: (frame: MetaFrame) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (frame: MetaFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** Answers false when the bytes are not the meta protocol's; then the connection is worth nothing any more. */
  push(chunk: Buffer): boolean {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let from = 0;
    for (;;) {
      const lineEnd = bytes.indexOf(lineFeed, from);
      if (lineEnd < 0) break;
      if (lineEnd === from || bytes[lineEnd - 1] !== carriageReturn) return false;
      const [code = "", ...flags] = bytes.toString("utf8", from, lineEnd - 1).split(" ");
      if (code !== "VA") {
        from = lineEnd + 1;
        this.#onFrame({ code, flags });
        continue;
      }
      const size = Number(flags.shift());
      const valueEnd = lineEnd + 1 + size;
      if (!Number.isSafeInteger(size) || size < 0) return false;
      if (bytes.length < valueEnd + 2) break;
      if (bytes[valueEnd] !== carriageReturn || bytes[valueEnd + 1] !== lineFeed) return false;
      from = valueEnd + 2;
      this.#onFrame({ code, flags, value: bytes.subarray(lineEnd + 1, valueEnd) });
    }
    this.#rest = bytes.subarray(from);
    return this.#rest.length <= maxLineBytes || this.#rest.indexOf(lineFeed) >= 0;
  }
}

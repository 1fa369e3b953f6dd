/** One answer of memcached's meta protocol: a line, and the data block of a VA line. */
export interface MetaFrame {
  /** VA, HD, EN, NF, NS, EX, or a word such as SERVER_ERROR. */
  readonly code: string;
  /** Flag `O`: the request that is answered. */
  readonly requestId: number | undefined;
  /** Flag `c`: the CAS unique; 0 without one. */
  readonly unique: bigint;
  /** Flag `k`. */
  readonly key: string | undefined;
  readonly value: Buffer | undefined;
  /** What follows the code on the line of a word. */
  readonly words: string;
}

const [lineFeed, carriageReturn, space, zero, nine] = [0x0a, 0x0d, 0x20, 0x30, 0x39];
const [letterV, letterA, letterC, letterK, letterO] = [0x56, 0x41, 0x63, 0x6b, 0x4f];
const maxLineBytes = 2_048;
/** So many digits fit a number exactly. */
const maxNumberDigits = 15;

/**
 * Cuts the bytes of a connection into frames, however TCP has cut them. Byte by byte and without a string or a
 * list for each flag: every hit goes through it.
 */
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
      const bare = bareFrame(bytes, from);
      if (bare) {
        this.#onFrame(bare);
        from += bareBytes;
        continue;
      }
      const lineFeedAt = bytes.indexOf(lineFeed, from);
      if (lineFeedAt < 0) break;
      const lineEnd = lineFeedAt - 1;
      if (lineEnd < from || bytes[lineEnd] !== carriageReturn) return false;
      if (!isValueLine(bytes, from)) {
        this.#onFrame(frameOf(bytes, from, lineEnd, undefined));
        from = lineFeedAt + 1;
        continue;
      }
      const sizeEnd = tokenEnd(bytes, from + 3, lineEnd);
      const size = numberIn(bytes, from + 3, sizeEnd);
      if (Number.isNaN(size)) return false;
      const valueStart = lineFeedAt + 1;
      const valueEnd = valueStart + size;
      if (bytes.length < valueEnd + 2) break;
      if (bytes[valueEnd] !== carriageReturn || bytes[valueEnd + 1] !== lineFeed) return false;
      this.#onFrame(frameOf(bytes, from, lineEnd, bytes.subarray(valueStart, valueEnd)));
      from = valueEnd + 2;
    }
    this.#rest = bytes.subarray(from);
    return this.#rest.length <= maxLineBytes || this.#rest.indexOf(lineFeed) >= 0;
  }
}

const twoLetterCodes = new Map(
  ["VA", "HD", "EN", "NF", "NS", "EX", "OK"].map((code) => [Buffer.from(code).readUInt16BE(), code]),
);

const bareBytes = 4;
const bareFrames = new Map(
  [...twoLetterCodes].map(([bytes, code]): [number, MetaFrame] => [
    bytes,
    { code, requestId: undefined, unique: 0n, key: undefined, value: undefined, words: "" },
  ]),
);

/** `NF\r\n`, of which a bulk delete that hits nothing gets one for each key: one object for all of them. */
function bareFrame(bytes: Buffer, from: number): MetaFrame | undefined {
  if (bytes[from + 2] !== carriageReturn || bytes[from + 3] !== lineFeed) return undefined;
  return bareFrames.get(bytes.readUInt16BE(from));
}

function isValueLine(bytes: Buffer, from: number): boolean {
  return bytes[from] === letterV && bytes[from + 1] === letterA && bytes[from + 2] === space;
}

function frameOf(bytes: Buffer, from: number, lineEnd: number, value: Buffer | undefined): MetaFrame {
  const codeEnd = tokenEnd(bytes, from, lineEnd);
  const code = codeEnd === from + 2 ? twoLetterCodes.get(bytes.readUInt16BE(from)) : undefined;
  if (code === undefined) {
    const words = bytes.toString("utf8", codeEnd + 1, lineEnd);
    return {
      code: bytes.toString("utf8", from, codeEnd),
      requestId: undefined,
      unique: 0n,
      key: undefined,
      value,
      words,
    };
  }
  let requestId: number | undefined;
  let unique = 0n;
  let key: string | undefined;
  for (let at = codeEnd + 1; at < lineEnd;) {
    const end = tokenEnd(bytes, at, lineEnd);
    const letter = bytes[at];
    if (letter === letterO) requestId = numberIn(bytes, at + 1, end);
    else if (letter === letterC) unique = uniqueIn(bytes, at + 1, end);
    else if (letter === letterK) key = bytes.toString("utf8", at + 1, end);
    at = end + 1;
  }
  return { code, requestId, unique, key, value, words: "" };
}

function tokenEnd(bytes: Buffer, from: number, lineEnd: number): number {
  let at = from;
  while (at < lineEnd && bytes[at] !== space) at++;
  return at;
}

/** NaN for what is no number, or too long to be exact. */
function numberIn(bytes: Buffer, from: number, end: number): number {
  if (end <= from || end - from > maxNumberDigits) return Number.NaN;
  let number = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < zero || byte > nine) return Number.NaN;
    number = number * 10 + (byte - zero);
  }
  return number;
}

/** 0, which no write may bear, for what is no unsigned 64-bit number. */
function uniqueIn(bytes: Buffer, from: number, end: number): bigint {
  const number = numberIn(bytes, from, end);
  if (!Number.isNaN(number)) return BigInt(number);
  const digits = bytes.toString("latin1", from, end);
  return /^\d{16,20}$/.test(digits) ? BigInt(digits) : 0n;
}

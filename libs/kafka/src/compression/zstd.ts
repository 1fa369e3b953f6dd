import { Decompress } from "fzstd";
import type { Unpack } from "./decompress.ts";
import { TooLarge } from "./too-large.ts";

const magic = 0xfd2f_b528;
const flag = { singleSegment: 0x20, checksum: 0x04, dictionary: 0x03 };
const leastWindowBits = 10;
const runLengthBlock = 1;

/** One frame of zstd, as every Kafka client writes it. */
export const zstd: Unpack = (packed, mostBytes) => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = new Decompress((chunk) => {
    length += chunk.length;
    if (length > mostBytes) throw new TooLarge();
    chunks.push(chunk);
  });
  stream.push(withWindowWithin(packed, mostBytes), true);
  return Buffer.concat(chunks);
};

/**
 * The same frame with a window no larger than what it may unpack to, since fzstd allocates the window before it looks
 * at the data, and a frame may ask for 2 GB. Nothing can refer to further back than the beginning.
 */
function withWindowWithin(packed: Buffer, mostBytes: number): Buffer {
  if (packed.readUInt32LE(0) !== magic) throw new Error("not a frame of zstd");
  const descriptor = packed.readUInt8(4);
  const isSingleSegment = (descriptor & flag.singleSegment) !== 0;
  const sizeAt = 5 + (isSingleSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & flag.dictionary] ?? 0);
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const end = endOf(packed, sizeAt + sizeBytes) + ((descriptor & flag.checksum) === 0 ? 0 : 4);
  if (end !== packed.length) throw new Error("it is not one frame from its beginning to its end");
  if (isSingleSegment) {
    if (contentSize(packed, sizeAt, sizeBytes) > mostBytes) throw new TooLarge();
    return packed;
  }
  const mostBits = Math.ceil(Math.log2(mostBytes));
  if (packed.readUInt8(5) >>> 3 < mostBits - leastWindowBits) return packed;
  const copy = Buffer.from(packed);
  copy.writeUInt8((mostBits - leastWindowBits) << 3, 5);
  return copy;
}

/** Where the blocks end that begin here. */
function endOf(packed: Buffer, at: number): number {
  for (;;) {
    const header = packed.readUIntLE(at, 3);
    const isRunLength = ((header >>> 1) & 3) === runLengthBlock;
    at += 3 + (isRunLength ? 1 : header >>> 3);
    if ((header & 1) === 1) return at;
  }
}

function contentSize(packed: Buffer, at: number, bytes: number): number {
  if (bytes === 8) return Number(packed.readBigUInt64LE(at));
  return packed.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

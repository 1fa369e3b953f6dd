import { uncompress } from "snappyjs";
import type { Unpack } from "./decompress.ts";
import { TooLarge } from "./too-large.ts";

/** Java's clients put snappy's blocks into a stream of their own: this, two versions, and each block's length. */
const javaStream = Buffer.from("\x82SNAPPY\0", "latin1");
const javaHeaderBytes = javaStream.length + 8;

/** Snappy as librdkafka and Go write it, or in the stream of snappy-java. */
export const snappy: Unpack = (packed, mostBytes) => {
  if (!packed.subarray(0, javaStream.length).equals(javaStream)) return block(packed, mostBytes);
  const blocks: Buffer[] = [];
  let left = mostBytes;
  for (let at = javaHeaderBytes; at < packed.length;) {
    const end = at + 4 + packed.readInt32BE(at);
    if (end <= at + 4 || end > packed.length) throw new Error("a block reaches beyond the end");
    const unpacked = block(packed.subarray(at + 4, end), left);
    blocks.push(unpacked);
    left -= unpacked.length;
    at = end;
  }
  return Buffer.concat(blocks);
};

function block(packed: Buffer, mostBytes: number): Buffer {
  if (lengthOf(packed) > mostBytes) throw new TooLarge();
  return uncompress(packed);
}

/** A block begins with the length of what it holds, as a varint. */
function lengthOf(packed: Buffer): number {
  let length = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = packed[index] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) break;
  }
  return length;
}

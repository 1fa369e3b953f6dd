// Written here since snappyjs, the only one in plain JavaScript, checks no bound: a block that is cut or broken unpacks
// to something else without an error.
import type { Unpack } from "./decompress.ts";
import { Output } from "./output.ts";
import { TooLarge } from "./too-large.ts";

/** Java's clients put snappy's blocks into a stream of their own: this, two versions, and each block's length. */
const javaStream = Buffer.from("\x82SNAPPY\0", "latin1");
const javaHeaderBytes = javaStream.length + 8;

/** Snappy as librdkafka and Go write it, or in the stream of snappy-java. */
export const snappy: Unpack = (packed, mostBytes) => {
  if (!packed.subarray(0, javaStream.length).equals(javaStream)) return unpackBlock(packed, mostBytes);
  const blocks: Buffer[] = [];
  let left = mostBytes;
  for (let at = javaHeaderBytes; at < packed.length;) {
    const end = at + 4 + packed.readInt32BE(at);
    if (end <= at + 4 || end > packed.length) throw new Error("a block reaches beyond the end");
    const unpacked = unpackBlock(packed.subarray(at + 4, end), left);
    blocks.push(unpacked);
    left -= unpacked.length;
    at = end;
  }
  return Buffer.concat(blocks);
};

/** https://github.com/google/snappy/blob/main/format_description.txt */
function unpackBlock(block: Buffer, mostBytes: number): Buffer {
  const { length, at: start } = lengthOf(block);
  if (length > mostBytes) throw new TooLarge();
  const out = new Output(mostBytes, length);
  for (let at = start; at < block.length;) {
    const tag = block.readUInt8(at++);
    const [kind, more] = [tag & 3, tag >>> 2];
    if (kind === 0) {
      const lengthBytes = Math.max(0, more - 59);
      const literals = 1 + (lengthBytes === 0 ? more : block.readUIntLE(at, lengthBytes));
      at += lengthBytes;
      if (at + literals > block.length) throw new Error("literals reach beyond the end");
      out.append(block.subarray(at, at + literals));
      at += literals;
    } else if (kind === 1) {
      out.repeat(((tag >>> 5) << 8) | block.readUInt8(at), 4 + (more & 7));
      at += 1;
    } else {
      const distanceBytes = kind === 2 ? 2 : 4;
      out.repeat(block.readUIntLE(at, distanceBytes), 1 + more);
      at += distanceBytes;
    }
  }
  if (out.bytes.length !== length) throw new Error("it holds something else than it says");
  return out.bytes;
}

/** A block begins with the length of what it holds, as a varint. */
function lengthOf(block: Buffer): { length: number; at: number } {
  let length = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = block.readUInt8(at);
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return { length, at: at + 1 };
  }
  throw new Error("its length has no end");
}

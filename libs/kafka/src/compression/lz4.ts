// Written here since lz4js, the only one in plain JavaScript that is used, has not been touched since 2018 and checks
// no bound: broken data unpacks to something else without an error.
import type { Unpack } from "./decompress.ts";
import { Output } from "./output.ts";

const magic = 0x184d2204;
const flag = { version: 0xc0, blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 };
const version1 = 0x40;
const storedAsIs = 0x8000_0000;
const shortestMatch = 4;

/** One frame of lz4: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md */
export const lz4Frame: Unpack = (packed, mostBytes) => {
  if (packed.readUInt32LE(0) !== magic) throw new Error("not a frame of lz4");
  const flags = packed.readUInt8(4);
  if ((flags & flag.version) !== version1) throw new Error("another version of lz4's frames");
  if ((flags & flag.dictionary) !== 0) throw new Error("it needs a dictionary");
  const out = new Output(mostBytes, 4 * packed.length);
  for (let at = (flags & flag.contentSize) === 0 ? 7 : 15; ;) {
    const size = packed.readUInt32LE(at);
    if (size === 0) return out.bytes;
    const length = size % storedAsIs;
    const from = at + 4;
    if (from + length > packed.length) throw new Error("a block reaches beyond the end");
    const block = packed.subarray(from, from + length);
    if (size >= storedAsIs) out.append(block);
    else unpackBlock(block, out);
    at = from + length + ((flags & flag.blockChecksum) === 0 ? 0 : 4);
  }
};

/** https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */
function unpackBlock(block: Buffer, out: Output): void {
  let at = 0;
  const extended = (length: number): number => {
    if (length < 15) return length;
    for (;;) {
      const byte = block.readUInt8(at++);
      length += byte;
      if (byte < 255) return length;
    }
  };
  while (at < block.length) {
    const token = block.readUInt8(at++);
    const literals = extended(token >>> 4);
    if (at + literals > block.length) throw new Error("literals reach beyond the end");
    out.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return; // the last sequence has no match
    const distance = block.readUInt16LE(at);
    at += 2;
    out.repeat(distance, extended(token & 15) + shortestMatch);
  }
}

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { compress as zstdOf, init } from "@bokuweb/zstd-wasm";
import fc from "fast-check";
import { compressFrameSync as lz4Of } from "lz4-napi";
import { compress as snappyOf } from "snappyjs";
import { beforeAll, describe, expect, test } from "vitest";
import { decompress } from "./decompress.ts";

const codec = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 };
const mostBytes = 32 * 1_024 * 1_024;
const text = Array.from({ length: 6_000 }, (_, n) => `line ${n % 100}: what a publisher sends\n`).join("");

/** What kafka-clients 4.4.0, and the libraries that it uses, made of the first bytes of `text`; base64. */
const frames = JSON.parse(
  readFileSync(new URL("../../../../test/support/packed-frames.json", import.meta.url), "utf8"),
) as readonly { name: string; codec: number; bytes: number; packed: string }[];

beforeAll(() => init());

/** A frame around each block that snappy packs, as Java's clients make it. */
function javaStream(...blocks: readonly Buffer[]): Buffer {
  const parts = blocks.flatMap((block) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    return [length, block];
  });
  return Buffer.concat([Buffer.from("\x82SNAPPY\0\0\0\0\x01\0\0\0\x01", "latin1"), ...parts]);
}

/** What packs with libraries of others. */
const packers: readonly (readonly [name: string, codec: number, pack: (bytes: Buffer) => Buffer])[] = [
  ["gzip", codec.gzip, (bytes) => gzipSync(bytes)],
  ["snappy", codec.snappy, (bytes) => snappyOf(bytes)],
  [
    "snappy in Java's stream",
    codec.snappy,
    (bytes) => javaStream(snappyOf(bytes.subarray(0, 1_000)), snappyOf(bytes.subarray(1_000))),
  ],
  ["lz4", codec.lz4, (bytes) => lz4Of(bytes)],
  ["lz4 with checksums", codec.lz4, (bytes) => lz4Of(bytes, { blockChecksums: true, contentChecksum: true })],
  ["zstd", codec.zstd, (bytes) => Buffer.from(zstdOf(bytes, 3))],
];

/** Bytes that pack well, badly, and not at all. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 2_000 }))
        .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => Buffer.from(bytes)))),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts));

test.each(frames)("$name unpacks to what was packed", async (frame) => {
  const unpacked = await decompress(frame.codec, Buffer.from(frame.packed, "base64"));
  expect(unpacked.toString() === text.slice(0, frame.bytes)).toBe(true);
});

describe.each(packers)("%s", (_, number, pack) => {
  test("unpacks to what was packed", async () => {
    await fc.assert(
      fc.asyncProperty(content, async (bytes) => {
        expect((await decompress(number, pack(bytes))).equals(bytes)).toBe(true);
      }),
    );
  });

  test("that is cut anywhere is refused, or is the beginning of what was packed", async () => {
    const packed = pack(Buffer.from(text));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: packed.length - 1 }), async (length) => {
        const unpacked = await decompress(number, packed.subarray(0, length)).catch(refusal);
        if (Buffer.isBuffer(unpacked)) expect(text.startsWith(unpacked.toString())).toBe(true);
      }),
    );
  });

  test("that is broken anywhere is refused, or unpacks within the bound", async () => {
    const packed = pack(Buffer.from(text));
    const change = fc.tuple(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const broken = Buffer.from(packed);
        for (const [at, by] of changes) broken.writeUInt8((broken.readUInt8(at) + by) % 256, at);
        const unpacked = await decompress(number, broken).catch(refusal);
        if (Buffer.isBuffer(unpacked)) expect(unpacked.length).toBeLessThanOrEqual(mostBytes);
      }),
    );
  });

  test("that unpacks to one byte more than the bound is refused, and to the bound is not", async () => {
    expect(await decompress(number, pack(Buffer.alloc(mostBytes)))).toHaveLength(mostBytes);
    await expect(decompress(number, pack(Buffer.alloc(mostBytes + 1)))).rejects.toThrow(
      `unpacks to more than ${mostBytes} bytes`,
    );
  });
});

/** A refusal says which codec it is of; anything else that is thrown fails the test. */
function refusal(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  expect(message).toMatch(
    /^compressed by (gzip|snappy|lz4|zstd), (is broken: .|unpacks to more than \d+ bytes$)/,
  );
  return message;
}

test.each(Object.entries(codec))("bytes that are no %s are refused", async (name, number) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
      const unpacked = await decompress(number, Buffer.from(bytes)).catch(refusal);
      if (Buffer.isBuffer(unpacked)) expect(name).toBe("snappy"); // a zero alone is an empty block
    }),
  );
});

test.each([
  ["snappy", codec.snappy, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00])],
  ["snappy in Java's stream", codec.snappy, javaStream(Buffer.from([0xff, 0xff, 0xff, 0x7f, 0x00]))],
  // One segment, its size in 8 bytes, one empty block.
  ["zstd", codec.zstd, Buffer.from("28b52ffde0000000000001000001" + "0000", "hex")],
])("%s that says it is far larger than its bytes is refused by its word", async (_, number, packed) => {
  await expect(decompress(number, packed)).rejects.toThrow(`unpacks to more than ${mostBytes} bytes`);
});

test("a frame of zstd that asks for a window of 2 GB costs no more than what it holds", async () => {
  // No size, a window of 2^31, one block of the five bytes as they are.
  const packed = Buffer.concat([Buffer.from("28b52ffd00a8290000", "hex"), Buffer.from("hello")]);
  const before = process.memoryUsage().arrayBuffers;
  expect((await decompress(codec.zstd, packed)).toString()).toBe("hello");
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * mostBytes);
});

test.each([0, 5, 7])(
  "codec %i, which no version of Kafka writes, is refused by its number",
  async (number) => {
    await expect(decompress(number, Buffer.from(text))).rejects.toThrow(`compressed by codec ${number}`);
  },
);

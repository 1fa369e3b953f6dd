import { promisify } from "node:util";
import { unzip } from "node:zlib";
import { lz4Frame } from "./lz4.ts";
import { snappy } from "./snappy.ts";
import { TooLarge } from "./too-large.ts";
import { zstd } from "./zstd.ts";

/**
 * A batch that unpacks to more is refused. Publishers cut their batches at a few MB before they compress; without a
 * bound one MB of another publisher's could take all of the memory of every process that reads the topic.
 */
const mostUnpackedBytes = 32 * 1_024 * 1_024;

/** Unpacks, or throws: at broken data, and as soon as the result would be larger than `mostBytes`. */
export type Unpack = (packed: Buffer, mostBytes: number) => Buffer | Promise<Buffer>;

interface Codec {
  readonly name: string;
  readonly unpack: Unpack;
}

const unzipped = promisify(unzip);

/** By the number that a record batch bears in its attributes. */
const codecs: Readonly<Record<number, Codec>> = {
  1: { name: "gzip", unpack: (packed, mostBytes) => unzipped(packed, { maxOutputLength: mostBytes }) },
  2: { name: "snappy", unpack: snappy },
  3: { name: "lz4", unpack: lz4Frame },
  4: { name: "zstd", unpack: zstd },
};

/**
 * The records of a compressed batch.
 * @throws Error that says why they can't be had
 */
export async function decompress(codec: number, packed: Buffer): Promise<Buffer> {
  const known = codecs[codec];
  if (known === undefined) throw new Error(`compressed by codec ${codec}, which is not known`);
  try {
    return await known.unpack(packed, mostUnpackedBytes);
  } catch (error) {
    const why = isTooLarge(error)
      ? `unpacks to more than ${mostUnpackedBytes} bytes`
      : `is broken: ${error instanceof Error ? error.message : String(error)}`;
    throw new Error(`compressed by ${known.name}, ${why}`, { cause: error });
  }
}

function isTooLarge(error: unknown): boolean {
  if (error instanceof TooLarge) return true;
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

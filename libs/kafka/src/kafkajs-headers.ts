// kafkajs puts a record's headers together by copying all of them for each further one: 5,000 take it 10 s of the
// event loop, longer than a session lives, so one such record would lose every group's session for good. A header
// that is named as a property of Object ("constructor") it takes for a second one of that name. Its decoder is
// mended once for this process, in the only method that reads headers.
import { createRequire } from "node:module";
import type { IHeaders } from "kafkajs";

interface Header {
  readonly key: string;
  readonly value: Buffer;
}

interface DecoderClass {
  readonly prototype: { readVarIntArray(readHeader: unknown): Header[] };
}

const { prototype } = createRequire(import.meta.url)("kafkajs/src/protocol/decoder") as DecoderClass;

const read = Object.getOwnPropertyDescriptor(prototype, "readVarIntArray")?.value as (
  this: unknown,
  readHeader: unknown,
) => Header[];

prototype.readVarIntArray = function (readHeader) {
  const headers = read.call(this, readHeader);
  // What the caller does with the array, and all that it does.
  return Object.assign(headers, { reduce: () => byName(headers) });
};

/** As kafkajs has it: the value of each name, or the list of its values where it is repeated. */
function byName(headers: readonly Header[]): IHeaders {
  const values = new Map<string, Buffer[]>();
  for (const { key, value } of headers) {
    const ofName = values.get(key);
    if (ofName === undefined) values.set(key, [value]);
    else ofName.push(value);
  }
  return Object.fromEntries([...values].map(([name, list]) => [name, list.length === 1 ? list[0] : list]));
}

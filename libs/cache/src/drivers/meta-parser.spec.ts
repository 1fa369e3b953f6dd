import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MetaFrame, MetaParser } from "./meta-parser.ts";

const anyFrame: fc.Arbitrary<MetaFrame> = fc.oneof(
  fc.record({
    code: fc.constantFrom("HD", "EN", "NF", "NS", "EX"),
    requestId: fc.option(fc.nat({ max: 0xffff_ffff }), { nil: undefined }),
    unique: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    key: fc.option(fc.stringMatching(/^[!-~ü]{1,20}$/u), { nil: undefined }),
    value: fc.constant(undefined),
    words: fc.constant(""),
  }),
  fc.record({
    code: fc.constant("VA"),
    requestId: fc.option(fc.nat({ max: 0xffff_ffff }), { nil: undefined }),
    unique: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    key: fc.constant(undefined),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    words: fc.constant(""),
  }),
  fc.record({
    code: fc.constantFrom("SERVER_ERROR", "VERSION", "MN"),
    requestId: fc.constant(undefined),
    unique: fc.constant(0n),
    key: fc.constant(undefined),
    value: fc.constant(undefined),
    words: fc.stringMatching(/^([a-zA-Z0-9:]{1,10}( [a-zA-Z0-9:]{1,10}){0,3})?$/),
  }),
);

describe("the meta parser", () => {
  it("finds the same frames however TCP cuts the bytes", () => {
    fc.assert(
      fc.property(fc.array(anyFrame), fc.array(fc.nat({ max: 30 })), (frames, cuts) => {
        const pieces = inPieces(Buffer.concat(frames.map(bytesOf)), cuts);
        expect(parse(pieces)).toEqual({ frames, isValid: true });
      }),
    );
  });

  it.each([
    "\n",
    "HD\n",
    "VA x\r\nabc\r\n",
    "VA -1\r\n\r\n",
    "VA \r\n\r\n",
    "VA 3\r\nabcd\r\n",
    "x".repeat(2_049),
  ])("refuses %j", (text) => {
    expect(parse([Buffer.from(text)]).isValid).toBe(false);
  });

  it.each(["O", "Ox", "O1x", "O12345678901234567890"])("takes no request id from %s", (flag) => {
    expect(parse([Buffer.from(`HD ${flag}\r\n`)]).frames).toMatchObject([{ requestId: Number.NaN }]);
  });

  it.each(["c", "cx", "c-1", "c123456789012345678901"])("takes no CAS unique from %s", (flag) => {
    expect(parse([Buffer.from(`HD ${flag}\r\n`)]).frames).toMatchObject([{ unique: 0n }]);
  });
});

function parse(pieces: readonly Buffer[]): { frames: MetaFrame[]; isValid: boolean } {
  const frames: MetaFrame[] = [];
  const parser = new MetaParser((found) => frames.push(found));
  return { frames, isValid: pieces.every((piece) => parser.push(piece)) };
}

/** With flags that the parser has no use for between those that it has. */
function bytesOf({ code, requestId, unique, key, value, words }: MetaFrame): Buffer {
  const flags = [
    ...(value ? [value.length, "f0"] : []),
    ...(unique === 0n ? [] : [`c${unique}`, "t-1"]),
    ...(key === undefined ? [] : [`k${key}`]),
    ...(requestId === undefined ? [] : [`O${requestId}`, "W"]),
  ];
  const line = [code, ...flags, ...(words === "" ? [] : [words])].join(" ");
  return Buffer.concat([Buffer.from(`${line}\r\n`), ...(value ? [value, Buffer.from("\r\n")] : [])]);
}

function inPieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  let from = 0;
  const pieces = cuts.map((length) => bytes.subarray(from, (from += length)));
  return [...pieces, bytes.subarray(from)];
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MetaFrame, MetaParser } from "./meta-parser.ts";

const word = fc.stringMatching(/^[a-zA-Z0-9:]{1,10}$/);
const flags = fc.array(word, { maxLength: 3 });
const frame: fc.Arbitrary<MetaFrame> = fc.oneof(
  fc.record({ code: fc.constantFrom("HD", "EN", "NF", "SERVER_ERROR"), flags }),
  fc.record({
    code: fc.constant("VA"),
    flags,
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
);

describe("the meta parser", () => {
  it("finds the same frames however TCP cuts the bytes", () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat({ max: 30 })), (frames, cuts) => {
        expect(parse(inPieces(Buffer.concat(frames.map(bytesOf)), cuts))).toEqual({ frames, isValid: true });
      }),
    );
  });

  it.each(["\n", "HD\n", "VA x\r\nabc\r\n", "VA -1\r\n\r\n", "VA 3\r\nabcd\r\n", "x".repeat(2_049)])(
    "refuses %j",
    (text) => {
      expect(parse([Buffer.from(text)]).isValid).toBe(false);
    },
  );
});

function parse(pieces: readonly Buffer[]): { frames: MetaFrame[]; isValid: boolean } {
  const frames: MetaFrame[] = [];
  const parser = new MetaParser((found) => frames.push(found));
  return { frames, isValid: pieces.every((piece) => parser.push(piece)) };
}

function bytesOf({ code, flags: words, value }: MetaFrame): Buffer {
  const line = (value ? [code, value.length, ...words] : [code, ...words]).join(" ");
  return Buffer.concat([Buffer.from(`${line}\r\n`), ...(value ? [value, Buffer.from("\r\n")] : [])]);
}

function inPieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  let from = 0;
  const pieces = cuts.map((length) => bytes.subarray(from, (from += length)));
  return [...pieces, bytes.subarray(from)];
}

import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { firstWordOfMd5 } from "./md5.ts";

function expectTheSame(text: string): void {
  expect(firstWordOfMd5(text)).toBe(createHash("md5").update(text).digest().readUInt32LE());
}

test("the first word is that of node:crypto's MD5, of every length that a key has", () => {
  for (let length = 0; length <= 250; length += 1) expectTheSame("k".repeat(length));
});

test("the first word is that of node:crypto's MD5, of texts of any alphabet", () => {
  const ascii = fc.string({ unit: "grapheme-ascii", maxLength: 70 });
  const any = fc.string({ unit: "grapheme", maxLength: 70 });
  fc.assert(fc.property(fc.oneof(ascii, any), expectTheSame), { numRuns: 2_000 });
});

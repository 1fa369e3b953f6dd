import { expect, test } from "vitest";
import { tryDecoder, tryManifestLoader } from "../../../test/support/hostile-input.ts";

// The same with other seeds and a million inputs: npm run test:fuzz.
test.each([
  [
    "48,000 records that are almost change events end each in one way, with keys of the views alone",
    tryDecoder,
    48_000,
  ],
  [
    "2,000 manifests that are almost right are each compiled, or refused with where and why",
    tryManifestLoader,
    2_000,
  ],
])("%s", (_, tryAll, inputs) => {
  const { taken, refused } = tryAll(inputs, 11);
  expect(taken).toBeGreaterThan(inputs / 100);
  expect(refused).toBeGreaterThan(inputs / 100);
});

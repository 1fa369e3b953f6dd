// npm run test:fuzz -- --inputs 1000000 --seed 7
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { tryDecoder, tryManifestLoader } from "../support/hostile-input.ts";

const inputs = Number(process.env.FUZZ_INPUTS ?? 1_000_000);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const perRound = 10_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapMb(): number {
  collect();
  return process.memoryUsage().heapUsed / 1_048_576;
}

test.each([
  ["records", tryDecoder, inputs],
  ["manifests", tryManifestLoader, Math.ceil(inputs / 10)],
])("%s that are almost right end each as promised, and leave no memory behind", (name, tryAll, count) => {
  const total = { taken: 0, refused: 0, slowestMs: 0 };
  tryAll(perRound, seed); // what is made once is made
  const before = heapMb();
  for (let done = 0; done < count; done += perRound) {
    const { taken, refused, slowestMs } = tryAll(
      Math.min(perRound, count - done),
      seed + 1 + done / perRound,
    );
    total.taken += taken;
    total.refused += refused;
    total.slowestMs = Math.max(total.slowestMs, slowestMs);
    if (done % (10 * perRound) === 0) console.log(`${done} of ${count} ${name}, seed ${seed}`, total);
  }
  const grownMb = heapMb() - before;
  console.log({ name, seed, ...total, grownMb });
  expect(total.taken + total.refused).toBe(count);
  expect(grownMb).toBeLessThan(20);
});

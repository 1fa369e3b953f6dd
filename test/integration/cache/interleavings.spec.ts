import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Defect, playInterleaving } from "./interleaving.ts";
import { Memcached } from "./memcached.ts";

/** Always the same ones, so that a failure is of the change and not of chance; `npm run interleavings` plays others. */
const seeds = 300;

let memcached: Memcached;

beforeAll(async () => {
  memcached = await Memcached.start();
});
afterAll(() => memcached[Symbol.asyncDispose]());

describe("readers, a writer, deletes, refreshes, evictions and late commands in any order", () => {
  it("never leave or get an older value than what was acknowledged, and never lower a version", async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violation, trace } = await playInterleaving(memcached, seed);
      expect(violation, [`seed ${seed}`, ...trace].join("\n")).toBeUndefined();
    }
  });

  it.each<Defect>(["fill without cas", "capture after the load", "acknowledge a delete that timed out"])(
    "find the defect: %s; and again by the same seed",
    async (defect) => {
      let seed = 1;
      let found = await playInterleaving(memcached, seed, defect);
      while (!found.violation && seed < 1_000) found = await playInterleaving(memcached, ++seed, defect);
      expect(found.violation).toMatch(/^I[13]/);
      expect(await playInterleaving(memcached, seed, defect)).toEqual(found);
    },
  );
});

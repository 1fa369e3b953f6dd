import fc from "fast-check";
import { expect, it } from "vitest";
import { type Bucket, RateLimit, take } from "./rate-limit.ts";

it("never lets more pass in any stretch of time than the rate allows, and a tenth of a second's worth at once", () => {
  const asks = fc.array(fc.record({ pauseMs: fc.nat(2_000), wanted: fc.integer({ min: 1, max: 50 }) }), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(asks, fc.integer({ min: 1, max: 1_000 }), (asked, perSecond) => {
      let bucket: Bucket = { tokens: 0, atMs: 0 };
      let nowMs = 1_000;
      const passed: { atMs: number; count: number }[] = [];
      for (const { pauseMs, wanted } of asked) {
        nowMs += pauseMs;
        const taken = take(bucket, wanted, perSecond, nowMs);
        bucket = taken.bucket;
        passed.push({ atMs: nowMs + taken.waitMs, count: wanted });
      }
      for (const [first, { atMs: fromMs }] of passed.entries()) {
        let sum = 0;
        for (const { atMs, count } of passed.slice(first + 1)) {
          sum += count;
          expect(sum).toBeLessThanOrEqual(((atMs - fromMs) / 1_000) * perSecond + perSecond * 0.1 + 1e-6);
        }
      }
    }),
  );
});

it("waits as long as the rate says and no longer", () => {
  expect(take({ tokens: 10, atMs: 0 }, 10, 100, 0).waitMs).toBe(0);
  const behind = take({ tokens: 0, atMs: 0 }, 50, 100, 0);
  expect(behind.waitMs).toBe(500);
  expect(take(behind.bucket, 50, 100, 500).waitMs).toBe(500);
  // A long pause saves up no more than a burst.
  expect(take({ tokens: 0, atMs: 0 }, 20, 100, 3_600_000).waitMs).toBe(100);
});

it("hands on everything, in order, and gives up when it is told to", async () => {
  const items = Array.from({ length: 25 }, (_, index) => index);
  const collect = async (limit: RateLimit, signal?: AbortSignal) => {
    const found: number[] = [];
    for await (const portion of limit.portions(items, signal)) found.push(...portion);
    return found;
  };
  expect(await collect(new RateLimit(undefined))).toEqual(items);
  expect(await collect(new RateLimit(100_000))).toEqual(items);
  const given = new AbortController();
  given.abort();
  await expect(collect(new RateLimit(1), given.signal)).rejects.toThrow();
});

import fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { BatchHistogram } from "./batch-histogram.ts";

const buckets = [0.001, 0.01, 0.5, 2];

test("what a batch is told in one go, prom-client tells of the same values one by one", async () => {
  const value = fc.oneof(fc.constantFrom(...buckets), fc.double({ min: 0, max: 5, noNaN: true }));
  const batch = fc.record({ pool: fc.constantFrom("a", "b"), values: fc.array(value, { maxLength: 20 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { maxLength: 6 }), async (batches) => {
      const registries = [new Registry(), new Registry()] as const;
      const options = { name: "gone_seconds", help: "How long", labelNames: ["pool"] as const, buckets };
      const inOneGo = new BatchHistogram({ ...options, registers: [registries[0]] });
      const oneByOne = new Histogram({ ...options, registers: [registries[1]] });
      for (const { pool, values } of batches) {
        inOneGo.observeAll({ pool }, values);
        for (const observed of values) oneByOne.observe({ pool }, observed);
      }
      const [told, expected] = await Promise.all(registries.map((registry) => registry.metrics()));
      expect(linesOf(told)).toEqual(linesOf(expected));
      const [got, wanted] = await Promise.all([inOneGo.get(), oneByOne.get()]);
      expect(got.values.map(({ metricName }) => metricName)).toEqual(
        wanted.values.map(({ metricName }) => metricName),
      );
    }),
    { numRuns: 50 },
  );
});

/** The lines, whose labels prom-client orders as it likes. */
function linesOf(text: string | undefined): string[] {
  return (text ?? "")
    .split("\n")
    .map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(",").sort().join(",")}}`))
    .sort();
}

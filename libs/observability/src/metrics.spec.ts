import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("each app has its own registry: the same name twice does not collide", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  const name = "freshet_things_total";
  one.counter({ name, help: "Things", labelNames: ["kind"] }).inc({ kind: "a" }, 2);
  other.counter({ name, help: "Things" });
  expect(await one.registry.metrics()).toContain('freshet_things_total{kind="a"} 2');
  expect(await other.registry.metrics()).not.toContain('kind="a"');
});

test("an unknown label does not compile", () => {
  const gauge = createMetrics().gauge({ name: "freshet_age_seconds", help: "Age", labelNames: ["topic"] });
  gauge.set({ topic: "profile.events.v1" }, 1);
  expect(() => {
    // @ts-expect-error the gauge has no label of that name
    gauge.set({ tpoic: "profile.events.v1" }, 1);
  }).toThrow();
});

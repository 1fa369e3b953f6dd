import { expect, test } from "vitest";
import { createHealth } from "./health.ts";

test("a probe without checks is ok", async () => {
  expect(await createHealth().ready.run()).toEqual({ status: "ok", checks: {} });
});

test("one failing check fails the probe and says why; the other probe does not notice", async () => {
  const health = createHealth();
  health.ready.add("postgres", () => ({ ok: true }));
  health.ready.add("kafka", () => Promise.resolve({ ok: false, detail: "no broker answers" }));
  expect(await health.ready.run()).toEqual({
    status: "failing",
    checks: { postgres: { ok: true }, kafka: { ok: false, detail: "no broker answers" } },
  });
  expect((await health.live.run()).status).toBe("ok");
});

test("a check that throws fails with its message, one that never answers fails after the bound", async () => {
  const { live } = createHealth();
  live.add("throws", () => {
    throw new Error("boom");
  });
  live.add("hangs", () => new Promise(() => undefined));
  expect((await live.run(5)).checks).toEqual({
    throws: { ok: false, detail: "boom" },
    hangs: { ok: false, detail: "no answer within 5 ms" },
  });
});

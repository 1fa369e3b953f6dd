import { describe, expect, it } from "vitest";
import { LoadLimit } from "./load-limit.ts";
import { runLoader } from "./loading.ts";

/** Loads that end when they are told to. */
function heldLoads() {
  const ends: (() => void)[] = [];
  const load = () =>
    new Promise<number>((resolve) =>
      ends.push(() => {
        resolve(ends.length);
      }),
    );
  return { ends, load };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("a limit of loads", () => {
  it("runs so many at once, and the next one when one has ended", async () => {
    const limit = new LoadLimit({ running: 2, waiting: 10 });
    const { ends, load } = heldLoads();
    const all = Promise.all([1, 2, 3, 4, 5].map(() => limit.run(load)));
    for (const begun of [2, 3, 4, 5]) {
      await settled();
      expect(ends).toHaveLength(begun);
      ends[begun - 2]?.();
    }
    ends[4]?.();
    await all;
  });

  it("refuses what finds the queue full, and takes loads again later", async () => {
    const limit = new LoadLimit({ running: 1, waiting: 1 });
    const { ends, load } = heldLoads();
    const first = limit.run(load);
    const second = limit.run(load);
    await expect(limit.run(load)).rejects.toMatchObject({ code: "LOAD_OVERLOADED" });
    ends[0]?.();
    await first;
    const third = limit.run(load);
    await settled();
    ends[1]?.();
    await second;
    await settled();
    ends[2]?.();
    await third;
    expect(ends).toHaveLength(3);
  });

  it("gives the place of a failed load to the next one", async () => {
    const limit = new LoadLimit({ running: 1, waiting: 1 });
    const failing = limit.run(() => Promise.reject(new Error("the database is away")));
    const next = limit.run(() => Promise.resolve("loaded"));
    await expect(failing).rejects.toThrow("away");
    expect(await next).toBe("loaded");
  });

  it("has the place of a load again for which nobody waited", async () => {
    const limit = new LoadLimit({ running: 1, waiting: 0 });
    for (const load of ["first", "second"]) expect(await limit.run(() => Promise.resolve(load))).toBe(load);
  });

  it("lets a load inside a load run at once: its parent holds the place", async () => {
    const limit = new LoadLimit({ running: 1, waiting: 0 });
    const nested = () => limit.run(() => Promise.resolve("inner"));
    expect(await limit.run(() => runLoader("outer", nested))).toBe("inner");
  });
});

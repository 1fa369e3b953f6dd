import { expect, it } from "vitest";
import { Pauses } from "./pauses.ts";

const never = new AbortController().signal;

/** Whether the batch has passed by the end of this turn. */
async function hasPassed(batch: Promise<boolean>): Promise<boolean> {
  let passed = false;
  void batch.then(
    () => {
      passed = true;
    },
    () => undefined,
  );
  await new Promise(setImmediate);
  return passed;
}

function known(): Pauses {
  const pauses = new Pauses();
  pauses.known();
  return pauses;
}

it("holds every batch until it is known what is paused", async () => {
  const pauses = new Pauses();
  const batch = pauses.pass("profiles", never);
  expect(await hasPassed(batch)).toBe(false);
  pauses.known();
  expect(await batch).toBe(true);
});

it("holds the batches of a paused pool until it is resumed, and those of no other", async () => {
  const pauses = known();
  pauses.set("profiles", 5);
  const held = pauses.pass("profiles", never);
  await pauses.pass("teams", never);
  pauses.set("teams", 6);
  expect(await hasPassed(held)).toBe(false);
  expect(pauses.sinceMs("profiles")).toBe(5);
  pauses.set("profiles", undefined);
  expect(await held).toBe(true);
  expect(pauses.sinceMs("profiles")).toBeUndefined();
});

it("gives a waiting batch up when its partition is lost or the process stops", async () => {
  const pauses = known();
  pauses.set("profiles", 5);
  const lost = new AbortController();
  const batches = [pauses.pass("profiles", lost.signal), pauses.pass("profiles", never)] as const;
  lost.abort(new Error("lost"));
  await expect(batches[0]).rejects.toThrow("lost");
  pauses.close();
  expect(await batches[1]).toBe(false);
  expect(await pauses.pass("teams", never)).toBe(true);
});

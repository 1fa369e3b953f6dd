// The nemesis and its judges, tested: each of these apps is the built one but for one defect, and must be found out.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Nemesis } from "../support/nemesis/nemesis.ts";
import { describeOutcome } from "../support/nemesis/report.ts";
import { type Fault, type Schedule } from "../support/nemesis/schedule.ts";
import { type AppChanges } from "../support/system.ts";
import { type WorldOptions } from "../support/nemesis/world.ts";

function planted(name: string, env: Record<string, string> = {}): AppChanges {
  const file = fileURLToPath(new URL(`../support/nemesis/planted/${name}.mjs`, import.meta.url));
  return { nodeArgs: ["--import", file], env };
}

/** What one schedule finds, named by the invariants alone. */
async function found(
  options: Omit<WorldOptions, "seed">,
  { faults = [], crowd }: Partial<Pick<Schedule, "faults" | "crowd">> = {},
): Promise<string[]> {
  await using nemesis = await Nemesis.begin({ seed: 1, healedWithinMs: 40_000, ...options });
  const outcome = await nemesis.play({
    seed: 1,
    number: 1,
    faults,
    ...(crowd === undefined ? {} : { crowd }),
  });
  console.log(describeOutcome(outcome));
  return [...new Set(outcome.violations.map((violation) => violation.slice(0, 2)))];
}

/**
 * Of the two invalidators one at least deletes more than 10,000 keys while the crowd changes, each of them cached; a
 * key that is renewed would not be deleted.
 */
test("an executor that skips one delete in 10,000 is found by the values that stay old", async () => {
  const invalidator = planted("skip-deletes", { SKIP_ONE_IN: "10000", REFRESH: "off" });
  expect(await found({ invalidator }, { crowd: 10_000 })).toContain("I1");
});

test("a commit that is one too far is found by the commits", async () => {
  expect(await found({ invalidator: planted("commit-too-far") })).toContain("I4");
});

test("an idempotent producer is found once acks are lost: it loses events, or sends none any more", async () => {
  const acksLost: Fault = {
    kind: "acks lost",
    target: "link of the broker",
    afterRequests: 10,
    lasts: "until noticed",
    at: undefined,
  };
  const broken = await found({ service: planted("idempotent-producer") }, { faults: [acksLost] });
  expect(broken.filter((invariant) => ["I1", "I5", "I7"].includes(invariant))).not.toEqual([]);
});

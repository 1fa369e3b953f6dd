// The nemesis and its judges, tested: each of these apps is the built one but for one defect, and must be found out.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Nemesis } from "../support/nemesis/nemesis.ts";
import { type AppChanges } from "../support/system.ts";
import { type WorldOptions } from "../support/nemesis/world.ts";

function planted(name: string, env: Record<string, string> = {}): AppChanges {
  const file = fileURLToPath(new URL(`../support/nemesis/planted/${name}.mjs`, import.meta.url));
  return { nodeArgs: ["--import", file], env };
}

/** What traffic without a fault finds, named by the invariants alone. */
async function found(options: Omit<WorldOptions, "seed">): Promise<string[]> {
  await using nemesis = await Nemesis.begin({ seed: 1, healedWithinMs: 40_000, ...options });
  const { violations } = await nemesis.play({ seed: 1, number: 1, faults: [] });
  return [...new Set(violations.map((violation) => violation.slice(0, 2)))];
}

/** A schedule sends some 200 deletes, half of them of keys that are cached; with one in 50 none of these was hit. */
test("an executor that skips one delete in 7 is found by the values that stay old", async () => {
  expect(await found({ invalidator: planted("skip-deletes", { SKIP_ONE_IN: "7" }) })).toContain("I1");
});

test("a commit that is one too far is found by the commits", async () => {
  expect(await found({ invalidator: planted("commit-too-far") })).toContain("I4");
});

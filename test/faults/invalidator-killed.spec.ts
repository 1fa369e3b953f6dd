import { expect, test } from "vitest";
import { groupPartitions } from "../support/checker.ts";
import { CrashPoint } from "../support/crash-point.ts";
import { Scenario } from "./scenario.ts";

test.each([
  ["before its deletes", "freshet:invalidate.executing"],
  ["between its deletes and the commit", "freshet:invalidate.executed"],
])("killed %s, the invalidator does the batch again after its restart", async (_, step) => {
  const crash = new CrashPoint(step);
  await using scenario = await Scenario.begin({ invalidator: crash });
  const { system, invalidator, traffic } = scenario;
  crash.arm();
  await traffic.touchAll();
  expect(await invalidator.ended).toBe("signal SIGKILL");
  const partitions = await groupPartitions(system, "profiles", "teams");
  const behind = partitions.filter(({ committed, high }) => committed < high);
  expect(behind.length).toBeGreaterThan(0);

  await invalidator.start();
  await scenario.expectHealed();
});

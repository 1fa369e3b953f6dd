import { expect, test } from "vitest";
import { CrashPoint } from "../support/crash-point.ts";
import { Kills } from "../support/kills.ts";
import { System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";

test("killed at nine steps of both ways under traffic, nothing is lost and nothing stays old", async () => {
  await using kills = await Kills.begin({ seed: 1 });
  const { kills: done, requests, violations } = await kills.run(9);
  expect(violations).toEqual([]);
  expect(done).toHaveLength(9);
  expect(requests.answered).toBeGreaterThan(0);
});

test("a crash point is out of reach without the tests' module: the app's environment arms nothing", async () => {
  await using system = await System.create();
  const crash = new CrashPoint("freshet:outbox.added");
  const service = await system.startService({ env: crash.env });
  crash.arm();
  expect(await new Traffic(service.url, { profiles: 3 }).createAll()).toMatchObject({ answered: 3 });
  expect(service.pid).toBeDefined();
  expect(crash.isArmed).toBe(true);
});

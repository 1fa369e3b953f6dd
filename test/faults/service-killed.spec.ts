import { expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { CrashPoint } from "../support/crash-point.ts";
import { checkEvents } from "../support/event-log.ts";
import { Scenario } from "./scenario.ts";

test("killed between commit and publish, the service publishes after its restart what it committed", async () => {
  const crash = new CrashPoint("freshet:outbox.claimed");
  await using scenario = await Scenario.begin({ service: crash });
  const { system, service, traffic } = scenario;
  crash.arm();
  await traffic.touchAll();
  expect(await service.ended).toBe("signal SIGKILL");
  expect(await scenario.oldValues()).toBeGreaterThan(0);

  await service.start();
  await scenario.expectHealed();
  expect((await checkEvents(system)).problems).toEqual([]);
});

test("killed between publish and the commit of its claim, the service publishes again, in order", async () => {
  const crash = new CrashPoint("freshet:outbox.published");
  await using scenario = await Scenario.begin({ service: crash });
  const { system, service, traffic } = scenario;
  crash.arm();
  await traffic.touchAll();
  expect(await service.ended).toBe("signal SIGKILL");

  await service.start();
  await scenario.expectHealed();
  const { problems, repeated } = await checkEvents(system);
  expect(problems).toEqual([]);
  expect(repeated).toBeGreaterThan(0);
});

test("killed inside a transaction, the service has changed nothing and publishes nothing of it", async () => {
  const crash = new CrashPoint("freshet:outbox.added");
  await using scenario = await Scenario.begin({ service: crash, profiles: 3 });
  const { system, service, traffic } = scenario;
  crash.arm();
  expect(await traffic.touchAll()).toMatchObject({ answered: 0 });
  expect(await service.ended).toBe("signal SIGKILL");
  const { rows } = await query(system.databaseUrl, "SELECT DISTINCT version::int FROM profiles");
  expect(rows).toEqual([{ version: 1 }]);
  expect(await scenario.oldValues()).toBe(0);

  await service.start();
  expect((await checkEvents(system)).problems).toEqual([]);
  await scenario.expectHealed();
});

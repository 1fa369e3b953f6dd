import { expect, test } from "vitest";
import { checkEvents } from "../support/event-log.ts";
import { ownBroker } from "../support/own-servers.ts";
import { Scenario } from "./scenario.ts";

test("while the broker is away writes go on; what they changed is gone from the cache once it is back", async () => {
  const broker = await ownBroker();
  await using scenario = await Scenario.begin({ brokers: [broker.address] });
  const { system, traffic } = scenario;

  await broker.kill();
  // One change of each and no other: a later one's event would hide that an earlier one is lost.
  expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
  expect(await scenario.oldValues()).toBeGreaterThan(0);
  await broker.start();
  await scenario.expectHealed();

  // Frozen, it takes what is sent to it and answers only when it is thawed.
  await traffic.cacheAll();
  broker.pause();
  expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
  expect(await scenario.oldValues()).toBeGreaterThan(0);
  broker.resume();
  await scenario.expectHealed();
  expect((await checkEvents(system)).problems).toEqual([]);
});

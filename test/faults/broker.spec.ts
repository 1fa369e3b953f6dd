import { expect, test } from "vitest";
import { ownBroker } from "../support/own-servers.ts";
import { Scenario } from "./scenario.ts";

test("while the broker is away writes go on; what they changed is gone from the cache once it is back", async () => {
  const broker = await ownBroker();
  await using scenario = await Scenario.begin({ brokers: [broker.address] });
  const { traffic } = scenario;

  await broker.kill();
  expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
  expect(await traffic.run(60)).toMatchObject({ failed: 0 });
  expect(await scenario.oldValues()).toBeGreaterThan(0);
  await broker.start();
  await scenario.expectHealed();

  // Frozen, it takes what is sent to it and answers only when it is thawed.
  await traffic.cacheAll();
  broker.pause();
  expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
  expect(await traffic.run(60)).toMatchObject({ failed: 0 });
  expect(await scenario.oldValues()).toBeGreaterThan(0);
  broker.resume();
  await scenario.expectHealed();
});

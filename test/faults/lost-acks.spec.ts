import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { untilQuiet } from "../support/checker.ts";
import { checkEvents } from "../support/event-log.ts";
import { ownProxiedBroker } from "../support/own-servers.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario } from "./scenario.ts";

/**
 * kafkajs's idempotent producer takes the next batch of the same size for a repetition after lost acks, and says
 * that it was written. The relay itself would repeat the same batch; so another replica publishes that one for it.
 */
test("a batch whose acks are lost, then a different one of the same size: both changes reach the cache", async () => {
  const behind = await ownProxiedBroker();
  await using proxy = behind.proxy;
  const { address } = behind.broker;
  await using scenario = await Scenario.begin({
    brokers: [address],
    service: { env: { KAFKA_BROKERS: proxy.address } },
    profiles: 1,
  });
  const { system, traffic } = scenario;
  const appended = () =>
    kafkaAdmin([address], async (admin) => {
      const ends = await admin.fetchTopicOffsets(system.topic);
      return ends.reduce((sum, { high }) => sum + Number(high), 0);
    });
  const before = await appended();

  proxy.mode = "drop-answers";
  await traffic.touchAll();
  await waitFor(async () => (await appended()) > before, { describe: "the broker to have the batch" });
  proxy.cut();
  const replica = await system.startService();
  await untilQuiet(system);
  await replica.kill();
  expect(await appended()).toBeGreaterThanOrEqual(before + 2);
  await traffic.cacheAll();

  proxy.mode = "forward";
  proxy.cut();
  await traffic.touchAll();
  await scenario.expectHealed();
  expect((await checkEvents(system)).problems).toEqual([]);
});

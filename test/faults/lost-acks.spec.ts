import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { freePort } from "../../scripts/local/ports.mjs";
import { type ServerProcess } from "../../scripts/local/server-process.mjs";
import { untilQuiet } from "../support/checker.ts";
import { checkEvents } from "../support/event-log.ts";
import { ownBroker } from "../support/own-servers.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario } from "./scenario.ts";

/** A broker with two listeners; who comes to the one behind the proxy is told to come through it always. */
async function brokerWithProxy(port: number, behindProxy: number, proxy: TcpProxy): Promise<ServerProcess> {
  const [direct, controller] = [`127.0.0.1:${port}`, `127.0.0.1:${await freePort()}`];
  return ownBroker({
    port,
    settings: {
      listeners: `PLAINTEXT://${direct},PROXIED://127.0.0.1:${behindProxy},CONTROLLER://${controller}`,
      "advertised.listeners": `PLAINTEXT://${direct},PROXIED://${proxy.address}`,
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
      "controller.quorum.voters": `1@${controller}`,
    },
  });
}

/**
 * kafkajs's idempotent producer takes the next batch of the same size for a repetition after lost acks, and says
 * that it was written. The relay itself would repeat the same batch; so another replica publishes that one for it.
 */
test("a batch whose acks are lost, then a different one of the same size: both changes reach the cache", async () => {
  const [port, behindProxy] = [await freePort(), await freePort()];
  await using proxy = await TcpProxy.start(`127.0.0.1:${behindProxy}`);
  const { address } = await brokerWithProxy(port, behindProxy, proxy);
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

import kafkajs from "kafkajs";
import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { waitFor } from "../support/wait-for.ts";
import { System } from "../support/system.ts";

test("an invalidator whose consumer has given up for good fails liveness, and then ends with a code that says so", async () => {
  await using system = await System.create();
  const invalidator = await system.startInvalidator({ env: { CRASH_EXIT_AFTER_MS: "1500" } });
  const { ended } = invalidator;
  // A member with another assigner gets in once our session has run out: then the broker refuses ours.
  invalidator.pause();
  await waitFor(
    () =>
      kafkaAdmin([...system.brokers], async (admin) => {
        await admin.listTopics(); // describeGroups alone finds no broker on a new connection
        const { groups } = await admin.describeGroups([system.groups.profiles]);
        return groups[0]?.state === "Empty";
      }),
    { timeoutMs: 60_000, intervalMs: 200, describe: "the session to run out" },
  );
  const kafka = new kafkajs.Kafka({ brokers: [...system.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const foreign = kafka.consumer({ groupId: system.groups.profiles, retry: { retries: 20 } });
  await foreign.connect();
  await foreign.subscribe({ topics: [system.topic] });
  const joined = new Promise((resolve) => foreign.on(foreign.events.GROUP_JOIN, resolve));
  await foreign.run({ eachMessage: () => Promise.resolve() });
  await joined;

  invalidator.resume();
  await waitFor(
    async () => {
      const live = await fetch(`${invalidator.url}/health/live`);
      expect(live.status).toBe(503);
      expect(await live.text()).toContain("has given up");
      return true;
    },
    { timeoutMs: 30_000, describe: "liveness to fail" },
  );
  expect(await ended).toBe("code 70");
  await foreign.disconnect();
});

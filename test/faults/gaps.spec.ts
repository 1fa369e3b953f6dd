import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import kafkajs, { type Admin } from "kafkajs";
import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { ensureTopics } from "../../scripts/local/topics.mjs";
import { checkCache } from "../support/checker.ts";
import { missingKafkaTools, runKafkaConsumerGroups } from "../support/kafka-tools.ts";
import { ownBroker, ownDir } from "../support/own-servers.ts";
import { publish } from "../support/publish.ts";
import { type System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario } from "./scenario.ts";

const manifestsDir = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));

/** Manifests under which a gap flushes the pool profiles, and raises an alarm for the pool teams. */
function manifestsWithBothPolicies(): string {
  const folder = join(ownDir(), "manifests");
  cpSync(manifestsDir, folder, { recursive: true });
  const pools = {
    profiles: { nodes: ["127.0.0.1:1"], dedicated: true, onGap: "flush" },
    teams: { nodes: ["127.0.0.1:1"] },
  };
  writeFileSync(join(folder, "pools.yaml"), JSON.stringify({ freshet: 1, pools }));
  return folder;
}

/** Changes everything that is cached; resolves once the changes are in the topic. */
async function publishChanges({ system, traffic }: Scenario): Promise<void> {
  await traffic.cacheAll();
  expect(await traffic.touchAll()).toMatchObject({ failed: 0 });
  await waitFor(
    async () => (await query(system.databaseUrl, "SELECT FROM outbox_events LIMIT 1")).rowCount === 0,
    { describe: "the outbox to be empty" },
  );
}

/** A fetch that is under way when its process is frozen is answered by this, not by what comes next. */
async function answerOpenFetches({ brokers, topic }: System): Promise<void> {
  const event = { specversion: "1.0", id: "1", source: "spec", type: "Unknown", subject: "nobody" };
  await publish(brokers, topic, [{ key: "nobody", value: JSON.stringify(event) }]);
}

/** The log reaches back for less than the values live. */
async function keepForHalfAnHour(admin: Admin, topic: string): Promise<void> {
  const configEntries = [
    { name: "retention.ms", value: "1800000" },
    { name: "message.timestamp.type", value: "LogAppendTime" },
  ];
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });
}

/** Deletes what the topic holds, as a retention would that is too short. */
async function expireAll(admin: Admin, topic: string): Promise<void> {
  const ends = await admin.fetchTopicOffsets(topic);
  const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
  await admin.deleteTopicRecords({ topic, partitions });
}

async function recreate(brokers: readonly string[], topic: string): Promise<void> {
  await kafkaAdmin([...brokers], async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await waitFor(async () => !(await admin.listTopics()).includes(topic), {
      describe: "the topic to be gone",
    });
  });
  await waitFor(
    async () => {
      await ensureTopics([...brokers], [topic]);
      return true;
    },
    { describe: "the topic to be made again" },
  );
}

/** Resolves once both pools have told of the gap: what may be old is gone from the one, and announced for the other. */
async function expectGap(
  scenario: Scenario,
  reasons: { readonly profiles: string; readonly teams: string },
): Promise<void> {
  const { system, invalidator } = scenario;
  const read = async (path: string) => await (await fetch(`${invalidator.url}${path}`)).text();
  await waitFor(
    async () => {
      const metrics = await read("/metrics");
      for (const [pool, reason] of Object.entries(reasons))
        expect(metrics).toMatch(
          new RegExp(
            `^freshet_gaps_total\\{pool="${pool}",topic="${system.topic}",reason="${reason}"\\} [1-9]`,
            "m",
          ),
        );
      expect(metrics).toContain('freshet_gaps_open{pool="profiles"} 0\n');
      return true;
    },
    { timeoutMs: 45_000, describe: `a gap in both pools: ${JSON.stringify(reasons)}` },
  );
  const { violations } = await checkCache(system);
  expect(violations.map(({ node }) => node)).toEqual(violations.map(() => system.teamsNode.address));
  expect(violations.length).toBeGreaterThan(0);

  const ready = await fetch(`${invalidator.url}/health/ready`);
  expect(ready.status).toBe(200);
  const { checks } = (await ready.json()) as { checks: Record<string, { detail?: string }> };
  expect(checks["nodes-teams"]?.detail).toContain(`(${reasons.teams})`);
  expect(checks["nodes-profiles"]?.detail).toBeUndefined();
  const { pools } = JSON.parse(await read("/status")) as {
    pools: { pool: keyof typeof reasons; gaps: { reason: string; flushed: boolean }[] }[];
  };
  for (const { pool, gaps } of pools) {
    const [gap] = gaps.filter((found) => found.reason === reasons[pool]);
    expect(gap?.flushed, pool).toBe(pool === "profiles");
  }
  await flushTeams(system); // as the runbook of the alarm has it
  expect((await checkCache(system)).violations).toEqual([]);
}

async function flushTeams({ teamsNode }: System): Promise<void> {
  await teamsNode.kill();
  await teamsNode.start();
}

test.skipIf(missingKafkaTools() !== undefined)(
  "whatever the log or the group has lost is told, and made safe as each pool has it",
  async () => {
    const broker = await ownBroker();
    await using scenario = await Scenario.begin({
      brokers: [broker.address],
      profiles: 6,
      invalidator: { env: { MANIFESTS_DIR: manifestsWithBothPolicies() } },
    });
    const { system, invalidator } = scenario;
    const { brokers, topic } = system;
    const withAdmin = (work: (admin: Admin) => Promise<void>) => kafkaAdmin([...brokers], work);
    await withAdmin((admin) => keepForHalfAnHour(admin, topic));

    // The offset fell out of a log that is shorter than the TTL; one group's offsets have expired, or it was deleted.
    await invalidator.stop();
    await publishChanges(scenario);
    expect(await scenario.oldValues()).toBeGreaterThan(0);
    await withAdmin((admin) => expireAll(admin, topic));
    await runKafkaConsumerGroups(brokers, "--delete", "--group", system.groups.teams);
    await invalidator.start();
    await expectGap(scenario, { profiles: "out_of_retention", teams: "no_offset" });

    // Somebody moved the groups.
    await invalidator.stop();
    await publishChanges(scenario);
    const everyGroup = ["--all-groups", "--topic", topic];
    await runKafkaConsumerGroups(brokers, "--reset-offsets", "--to-latest", ...everyGroup, "--execute");
    await invalidator.start();
    await expectGap(scenario, { profiles: "moved", teams: "moved" });

    // The topic is made again under the running consumers, before they have read all of it.
    invalidator.pause();
    await answerOpenFetches(system);
    await publishChanges(scenario);
    await recreate(brokers, topic);
    invalidator.resume();
    await expectGap(scenario, { profiles: "recreated", teams: "recreated" });
    await scenario.expectHealed();
  },
);

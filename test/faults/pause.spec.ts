// What operators tell a deployment, one replica is asked and all obey.
import { expect, test } from "vitest";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { checkCache, untilQuiet } from "../support/checker.ts";
import { type CliAnswer, freshet } from "../support/cli.ts";
import { type RunningApp, type System } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario } from "./scenario.ts";

interface PoolStatus {
  readonly pool: string;
  readonly state: string;
  readonly pausedSince: string | null;
  readonly gaps: readonly unknown[];
  readonly partitions: readonly unknown[];
}

async function poolOf({ url }: RunningApp, name: string): Promise<PoolStatus> {
  const status = (await (await fetch(`${url}/status`)).json()) as { pools: PoolStatus[] };
  const pool = status.pools.find((each) => each.pool === name);
  if (pool === undefined) throw new Error(`no pool ${name}`);
  return pool;
}

function admin(system: System, ...args: string[]): Promise<CliAnswer> {
  const env = { ADMIN_URL: system.adminUrl, ADMIN_TOKEN: system.adminToken };
  return freshet(args, { env });
}

test.concurrent(
  "a paused pool deletes nothing on any replica, through a restart too, and loses nothing",
  async () => {
    await using scenario = await Scenario.begin();
    const { system, traffic, invalidator } = scenario;
    const { adminUrl: firstAdminUrl } = system;
    const second = await system.startInvalidator();
    const wrong = await freshet(["pause", "--pool", "profiles", "--json"], {
      env: { ADMIN_URL: system.adminUrl, ADMIN_TOKEN: "not-the-token-of-it" },
    });
    expect(wrong).toMatchObject({ exitCode: 2, stdout: expect.stringContaining("ADMIN_REFUSED") as string });
    expect(await admin(system, "pause", "--pool", "nobodys", "--json")).toMatchObject({
      exitCode: 2,
      stdout: expect.stringContaining("POOL_UNKNOWN") as string,
    });

    // The first word of a deployment makes the topic that all words stand in: another replica knows of it at once.
    expect(await admin(system, "pause", "--pool", "profiles")).toMatchObject({ exitCode: 0 });
    const elsewhere = { ADMIN_URL: firstAdminUrl, ADMIN_TOKEN: system.adminToken };
    const resumed = await freshet(["resume", "--pool", "profiles", "--json"], { env: elsewhere });
    expect((JSON.parse(resumed.stdout) as { pausedSeconds: number }).pausedSeconds).toBeGreaterThan(0);

    expect(await admin(system, "pause", "--pool", "profiles")).toMatchObject({ exitCode: 0 });
    const pausedOn = (replica: RunningApp) =>
      waitFor(
        async () => {
          return (await poolOf(replica, "profiles")).pausedSince !== null;
        },
        {
          timeoutMs: 30_000,
          describe: "the replica to hear of the pause",
        },
      );
    await Promise.all([invalidator, second].map(pausedOn));
    const asked = { env: { KAFKA_BROKERS: system.brokers.join(","), DEPLOYMENT: system.deployment } };
    const { pools } = JSON.parse((await freshet(["lag", "--json"], asked)).stdout) as { pools: PoolStatus[] };
    expect(pools.map(({ pool, pausedSince }) => [pool, pausedSince])).toEqual([
      ["profiles", expect.any(String)],
      ["teams", null],
    ]);

    await traffic.touchAll();
    await invalidator.kill();
    const third = await system.startInvalidator();
    await pausedOn(third);
    await waitFor(
      async () => {
        const found = await Promise.all([second, third].map((replica) => poolOf(replica, "profiles")));
        return found.every(({ partitions }) => partitions.length > 0);
      },
      { timeoutMs: 60_000, describe: "the replicas to share the partitions again" },
    );
    const { violations } = await checkCache(system);
    expect(violations.length).toBeGreaterThanOrEqual(traffic.ids.length);
    const ready = await fetch(`${third.url}/health/ready`);
    expect({ status: ready.status, body: await ready.text() }).toMatchObject({
      status: 200,
      body: expect.stringContaining("paused since") as string,
    });

    // What a paused pool holds is to wait: a stop has left nothing undone.
    process.kill(second.pid ?? 0, "SIGTERM");
    expect(await second.ended).toBe("code 0");
    expect(second.log()).not.toContain("handler failed");

    expect(await admin(system, "resume", "--pool", "profiles")).toMatchObject({ exitCode: 0 });
    await scenario.expectHealed();
  },
);

test.concurrent(
  "a gap is open until an operator has flushed the pool, and the admin port wants its token",
  async () => {
    await using scenario = await Scenario.begin();
    const { system, traffic, invalidator } = scenario;
    await invalidator.stop();
    await traffic.touchAll();
    // Another tool moves the group past what it has not seen.
    await kafkaAdmin([...system.brokers], async (kafka) => {
      const ends = await kafka.fetchTopicOffsets(system.topic);
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
      await kafka.setOffsets({ groupId: system.groups.profiles, topic: system.topic, partitions });
    });
    const replica = await system.startInvalidator();
    const gaps = async () => (await poolOf(replica, "profiles")).gaps.length;
    await waitFor(async () => (await gaps()) > 0, { timeoutMs: 60_000, describe: "the gap to be found" });
    expect(await scenario.oldValues()).toBeGreaterThan(0);

    const open = await fetch(`${system.adminUrl}/pools/profiles/flush`, { method: "POST" });
    expect(open.status).toBe(401);
    expect(open.headers.get("content-type")).toContain("application/problem+json");
    expect(await open.json()).toMatchObject({ errors: [{ field: "Authorization" }] });
    expect(await gaps()).toBeGreaterThan(0);

    expect(await admin(system, "flush", "--pool", "profiles")).toMatchObject({ exitCode: 0 });
    await waitFor(async () => (await gaps()) === 0, { timeoutMs: 30_000, describe: "the gap to be settled" });
    await untilQuiet(system);
    expect(await scenario.oldValues()).toBe(0);
  },
);

test.concurrent(
  "without ADMIN_TOKEN the admin port is closed; deletes above a pool's ceiling wait, and none is dropped",
  async () => {
    await using scenario = await Scenario.begin({
      invalidator: { env: { ADMIN_TOKEN: "", MEMCACHED_PROFILES_MAX_DELETES_PER_SECOND: "20" } },
    });
    const { system, traffic, invalidator } = scenario;
    expect(await admin(system, "pause", "--pool", "profiles", "--json")).toMatchObject({
      exitCode: 2,
      stdout: expect.stringContaining("INVALIDATOR_UNREACHABLE") as string,
    });
    await traffic.touchAll();
    await scenario.expectHealed();
    const metrics = await (await fetch(`${invalidator.url}/metrics`)).text();
    const [, seconds] =
      /^freshet_delete_ceiling_waited_seconds_total\{pool="profiles"\} (\S+)$/m.exec(metrics) ?? [];
    expect(Number(seconds)).toBeGreaterThan(0);
  },
);

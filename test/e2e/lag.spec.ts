// Three replicas tell how they stand, and Kafka's own tool agrees with `freshet lag`.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { invalidatorStatus, type Status } from "../../apps/invalidator/src/operator/status.ts";
import { untilQuiet } from "../support/checker.ts";
import { freshet } from "../support/cli.ts";
import { kafkaConsumerGroups, missingKafkaTools } from "../support/kafka-tools.ts";
import { ownBroker } from "../support/own-servers.ts";
import { type RunningApp, System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

const missing = missingKafkaTools();
if (missing !== undefined) console.log(`kafka-consumer-groups is not asked here: ${missing}`);

const published = z.fromJSONSchema(
  JSON.parse(
    readFileSync(new URL("../../docs/schemas/status.schema.json", import.meta.url), "utf8"),
  ) as Parameters<typeof z.fromJSONSchema>[0],
);

async function statusOf({ url }: RunningApp): Promise<Status> {
  const body: unknown = await (await fetch(`${url}/status`)).json();
  const status = invalidatorStatus.parse(body);
  expect(status).toEqual(body); // nothing that the schema does not tell of
  expect(published.safeParse(body).error).toBeUndefined();
  return status;
}

/** The samples of a metric: labels → value. */
async function samplesOf({ url }: RunningApp, name: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, "gm"));
  return new Map([...found].map(([, labels = "", value]) => [labels, Number(value)]));
}

const names = (partitions: readonly { topic: string; partition: number }[]) =>
  partitions.map(({ topic, partition }) => `${topic}/${partition}`).sort();

test("each of three replicas tells of its own partitions, all of them of the whole group, and kafka-consumer-groups says the same as freshet lag", async () => {
  // A broker of its own: every message of the topic is counted.
  const broker = await ownBroker();
  await using system = await System.create({ brokers: [broker.address] });
  const [service, ...replicas] = await Promise.all([
    system.startService(),
    system.startInvalidator(),
    system.startInvalidator(),
    system.startInvalidator(),
  ]);
  const traffic = new Traffic(service.url, { profiles: 20 });
  await traffic.createAll();
  await untilQuiet(system);

  const statuses = await waitFor(
    async () => {
      const found = await Promise.all(replicas.map(statusOf));
      for (const [index] of ["profiles", "teams"].entries()) {
        const pools = found.map(({ pools: of }) => of[index]);
        for (const pool of pools)
          expect(pool?.wholeGroup).toMatchObject({
            members: 3,
            state: "Stable",
            lagMessages: 0,
            verdict: "ok",
          });
        const whole = names(pools[0]?.wholeGroup?.partitions ?? []);
        expect(whole.length).toBeGreaterThan(0);
        expect(names(pools.flatMap((pool) => pool?.partitions ?? []))).toEqual(whole);
        expect(pools.every((pool) => (pool?.partitions.length ?? 0) > 0)).toBe(true);
      }
      return found;
    },
    { timeoutMs: 60_000, describe: "every partition to be told of by one replica, and the group by all" },
  );
  const [first] = replicas;
  const partitionsOf = statuses[0]?.pools.flatMap(({ wholeGroup }) => wholeGroup?.partitions ?? []) ?? [];
  expect((await samplesOf(first, "freshet_group_lag_messages")).size).toBe(partitionsOf.length);
  expect([...(await samplesOf(first, "freshet_group_members")).values()]).toEqual([3, 3]);

  // Frozen, nobody commits any more: two questions get the same answer however long they lie apart.
  for (const replica of replicas) replica.pause();
  await traffic.touchAll();
  const env = { KAFKA_BROKERS: system.brokers.join(","), DEPLOYMENT: system.deployment };
  const lag = async () => {
    const { stdout } = await freshet(["lag", "--json"], { env });
    const { pools } = JSON.parse(stdout) as {
      pools: { group: string; lagMessages: number; partitions: Record<string, unknown>[] }[];
    };
    return pools;
  };
  const behind = await waitFor(
    async () => {
      const pools = await lag();
      expect(pools.map(({ lagMessages }) => lagMessages)).toEqual([20, 20]);
      return pools;
    },
    { timeoutMs: 60_000, describe: "both pools to be as many events behind as were published" },
  );
  if (missing !== undefined) return;
  for (const { group, partitions } of behind) {
    const tool = await kafkaConsumerGroups(system.brokers, group);
    const ours = partitions.map(({ topic, partition, committed, end, lagMessages }) => ({
      topic,
      partition,
      committed: committed ?? "-",
      end,
      lag: String(lagMessages),
    }));
    const ordered = (rows: readonly { partition: unknown }[]) =>
      [...rows].sort((a, b) => Number(a.partition) - Number(b.partition));
    expect(ordered(tool)).toEqual(ordered(ours));
    expect(tool.length).toBeGreaterThan(0);
  }
});

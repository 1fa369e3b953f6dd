import { expect, test } from "vitest";
import { groupPartitions, type GroupPartition } from "../support/checker.ts";
import { readKey } from "../support/memcached-inspector.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario } from "./scenario.ts";

/** Caches every profile by its id and by its handle, and answers how many copies of these keys the nodes hold. */
async function cacheProfiles({ system, traffic }: Scenario): Promise<() => Promise<number>> {
  await traffic.cacheAll(traffic.paths.filter((path) => path.startsWith("profiles/")));
  // As they were created: a rename leaves each profile its handle.
  const keys = traffic.ids.flatMap((id, index) => [
    `user_profile:${id}`,
    `user_profile_by_handle:${traffic.handles[index]}`,
  ]);
  const copies = async () => {
    const values = keys.flatMap((key) => system.nodeAddresses.map((node) => readKey(node, key)));
    return (await Promise.all(values)).filter((value) => value !== undefined).length;
  };
  expect(await copies()).toBeGreaterThanOrEqual(keys.length);
  return copies;
}

/** Changes every profile; resolves once the pool profiles has followed and owes nothing. */
async function expectProfilesFollow(scenario: Scenario): Promise<void> {
  const { system, traffic } = scenario;
  const copies = await cacheProfiles(scenario);
  expect(await traffic.touchAll()).toEqual({ answered: traffic.ids.length, refused: 0, failed: 0 });
  await waitFor(
    async () => {
      expect(await copies()).toBe(0);
      const partitions = await groupPartitions(system, "profiles");
      expect(
        partitions.filter(
          ({ committed, high, missed }) => committed < high || Object.keys(missed).length > 0,
        ),
      ).toEqual([]);
      return true;
    },
    { timeoutMs: 50_000, intervalMs: 200, describe: "every profile's keys to be deleted and committed" },
  );
}

/** The pool teams has not done what it was told, and its group says so: by what it lacks or by what its node missed. */
async function expectTeamsOwe({ system }: Scenario): Promise<void> {
  const partitions = await groupPartitions(system, "teams");
  const owing = partitions.filter(
    ({ committed, high, missed }) => committed < high || system.teamsNode.address in Object(missed),
  );
  expect(owing.length).toBeGreaterThan(0);
}

test("a pool whose only node is frozen, then killed, owes its deletes, and the other pool follows each change", async () => {
  await using scenario = await Scenario.begin();
  const { teamsNode } = scenario.system;
  teamsNode.pause();
  await expectProfilesFollow(scenario);
  await expectTeamsOwe(scenario);
  await teamsNode.kill();
  await expectProfilesFollow(scenario);
  await expectTeamsOwe(scenario);

  await teamsNode.start();
  await scenario.expectHealed();
});

test("a pool whose nodes answer late, but in time, falls behind without being given up, and the other pool does not wait for it", async () => {
  await using scenario = await Scenario.begin({ proxied: true, profiles: 4 });
  const { system, traffic } = scenario;
  for (const proxy of system.proxies ?? []) proxy.delayMs = 250; // of 500 that a node is given
  let isBusy = true;
  const load = async () => {
    while (isBusy) await traffic.touchAll();
  };
  const busy = load();
  const behind = (partitions: readonly GroupPartition[]) =>
    partitions.filter(({ committed, high }) => committed < high).length;
  await waitFor(
    async () => {
      const partitions = await groupPartitions(system, "profiles", "teams");
      const of = (name: string) => partitions.filter(({ pool }) => pool === name);
      expect(behind(of("profiles"))).toBeGreaterThan(0);
      expect(behind(of("teams"))).toBe(0);
      return true;
    },
    { timeoutMs: 30_000, intervalMs: 200, describe: "the one pool to be done while the other is not" },
  );
  const owed = (await groupPartitions(system, "profiles")).filter(
    ({ missed }) => Object.keys(missed).length > 0,
  );
  expect(owed).toEqual([]);
  isBusy = false;
  await busy;
  for (const proxy of system.proxies ?? []) proxy.delayMs = 0;
  await scenario.expectHealed();
});

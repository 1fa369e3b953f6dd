import { expect, test } from "vitest";
import { untilQuiet } from "../support/checker.ts";
import { type RunningApp } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";
import { Scenario } from "./scenario.ts";

interface Status {
  readonly pools: readonly { readonly partitions: readonly { readonly phase: string }[] }[];
}

/** Resolves once this replica reads so many partitions in each pool. */
async function untilReading(replica: RunningApp, count: number): Promise<void> {
  const reading = async () => {
    const { pools } = (await (await fetch(`${replica.url}/status`)).json()) as Status;
    return pools.map(({ partitions }) => partitions.filter(({ phase }) => phase === "reading").length);
  };
  await waitFor(async () => (await reading()).every((partitions) => partitions === count), {
    timeoutMs: 45_000,
    describe: `${count} partitions of each pool at ${replica.address}`,
  });
}

/** A scenario of two replicas that have shared the partitions, and cached values. */
async function twoReplicas() {
  const scenario = await Scenario.begin();
  const { system, invalidator, traffic } = scenario;
  const other = await system.startInvalidator();
  await Promise.all([untilReading(invalidator, 6), untilReading(other, 6)]);
  await traffic.cacheAll();
  return { scenario, other };
}

test.concurrent(
  "of two replicas one is killed: the other takes its partitions over and nothing is lost",
  async () => {
    const { scenario: started, other } = await twoReplicas();
    await using scenario = started;
    const { invalidator, traffic } = scenario;

    const busy = Promise.all([1, 2, 3].map(() => traffic.run(40)));
    await invalidator.kill();
    await traffic.touchAll();
    await busy;
    await untilReading(other, 12);
    await scenario.expectHealed();
  },
);

test.concurrent(
  "a replica that was frozen until its partitions had moved does no harm when it goes on",
  async () => {
    const { scenario: started, other } = await twoReplicas();
    await using scenario = started;
    const { system, invalidator, traffic } = scenario;

    invalidator.pause();
    await traffic.touchAll();
    await untilReading(other, 12);
    await untilQuiet(system);
    expect(await scenario.oldValues()).toBe(0);
    await traffic.cacheAll();
    invalidator.resume();
    await traffic.touchAll();
    await Promise.all([untilReading(invalidator, 6), untilReading(other, 6)]);
    await scenario.expectHealed();
  },
);

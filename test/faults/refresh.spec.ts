// Views that are refreshed: the value comes from the service that owns them, which may be down, slow, or lie.
import { expect, test } from "vitest";
import { checkCache, untilQuiet } from "../support/checker.ts";
import { type Answering, FalseOwner } from "../support/false-owner.ts";
import { readKey } from "../support/memcached-inspector.ts";
import { type RunningApp, System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

/** The refreshes that ended so, by the invalidator's own count. */
async function refreshes({ url }: RunningApp): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const samples = text.matchAll(/^freshet_refreshes_total\{.*result="(\w+)"\} (\d+)$/gm);
  return new Map([...samples].map(([, result = "", count]) => [result, Number(count)]));
}

/** What the node that has it holds under a profile's key. */
async function cachedVersion({ nodeAddresses }: System, id: string): Promise<number | undefined> {
  const texts = await Promise.all(nodeAddresses.map((node) => readKey(node, `user_profile:${id}`)));
  const stored = texts.find((text) => text !== undefined);
  return stored === undefined ? undefined : (JSON.parse(stored) as { d: { version: number } }).d.version;
}

test("a refreshed key holds the new value without a reader, under changes and reads of it, and never an old one", async () => {
  await using system = await System.create();
  const [service, invalidator] = await Promise.all([
    system.startService(),
    system.startInvalidator({ env: { REFRESH: "on" } }),
  ]);
  const traffic = new Traffic(service.url, { seed: 3 });
  await traffic.createAll();
  const [id = ""] = traffic.ids;
  let version = 1;
  const isRefreshed = async () => {
    await traffic.cacheAll();
    await traffic.touchAll();
    version += 1;
    await untilQuiet(system);
    expect((await refreshes(invalidator)).get("stored")).toBeGreaterThan(0);
    return (await cachedVersion(system, id)) === version;
  };
  // On a busy machine a value may come too late: its key is deleted then.
  await waitFor(isRefreshed, { timeoutMs: 90_000, describe: "a refreshed key" });

  const lanes = await Promise.all([1, 2, 3].map(() => traffic.run(40)));
  expect(lanes.map(({ failed }) => failed)).toEqual([0, 0, 0]);
  await untilQuiet(system);
  expect((await checkCache(system)).violations).toEqual([]);
});

const lies: [Answering, string][] = [
  ["never", "load_failed"],
  ["too-few", "load_failed"],
  ["endlessly", "load_failed"],
  ["an-older-version", "load_too_old"],
];

test("what a service answers that is slow, lying or gone is never stored: the keys are deleted, and the bus goes on", async () => {
  await using system = await System.create();
  await using owner = await FalseOwner.start(system.internalAddress);
  const [service, invalidator] = await Promise.all([
    system.startService(),
    system.startInvalidator({ env: { REFRESH: "on", SERVICE_URL_PROFILE_SERVICE: owner.url } }),
  ]);
  const traffic = new Traffic(service.url, { profiles: 3 });
  await traffic.createAll();

  /** Until a refresh is tried and ends so: a service that failed is not asked again for some seconds. */
  const untilResult = async (result: string) => {
    const before = (await refreshes(invalidator)).get(result) ?? 0;
    await waitFor(
      async () => {
        await traffic.cacheAll();
        await traffic.touchAll();
        await untilQuiet(system);
        expect((await checkCache(system)).violations).toEqual([]);
        return ((await refreshes(invalidator)).get(result) ?? 0) > before;
      },
      { timeoutMs: 60_000, describe: `a refresh that ends as ${result} while it answers ${owner.answering}` },
    );
  };

  await untilResult("stored");
  for (const [answering, result] of lies) {
    owner.answering = answering;
    await untilResult(result);
  }

  // All is true again: values are renewed by themselves.
  owner.answering = "truly";
  await untilResult("stored");
}, 300_000);

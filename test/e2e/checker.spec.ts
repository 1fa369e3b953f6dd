// The checker that every fault spec ends with, on a system whose invalidator does not run: it must see what is wrong.
import { expect, test } from "vitest";
import { readKey, writeKey } from "../support/memcached-inspector.ts";
import { checkCache } from "../support/checker.ts";
import { System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";

test("a value cached before an update is reported while nobody invalidates it, with both versions", async () => {
  await using system = await System.create();
  const traffic = new Traffic((await system.startService()).url, { profiles: 3 });
  await traffic.createAll();
  await traffic.cacheAll();
  const fresh = await checkCache(system);
  expect(fresh.violations).toEqual([]);
  expect(fresh.values).toBe(traffic.paths.length);

  await traffic.touchAll();
  const old = await checkCache(system);
  const keys = [0, 1, 2].flatMap((index) => [
    `user_profile:${traffic.ids[index]}`,
    `user_profile_by_handle:${traffic.handles[index]}`,
    `team_directory:${traffic.teamIds[index]}`,
  ]);
  // The second profile is in the second team, the third one in the third and the first.
  expect(old.violations.map(({ key }) => key).sort()).toEqual(keys.sort());
  for (const { key, node, cached, committed } of old.violations) {
    if (key.startsWith("team_directory:")) expect(node).toBe(system.teamsNode.address);
    else expect(system.nodeAddresses).toContain(node);
    const { vs } = JSON.parse(cached) as { vs: object };
    const { versions } = JSON.parse(committed) as { versions: object };
    expect(Object.values(vs)).toEqual([1]);
    expect(Object.values(versions)).toEqual([2]);
  }
});

test("a wrong value is reported on whatever node it stands, a lease on none", async () => {
  await using system = await System.create();
  const traffic = new Traffic((await system.startService()).url, { profiles: 1 });
  await traffic.createAll();
  await traffic.cacheAll();
  const key = `user_profile:${traffic.ids[0]}`;
  const stored = await Promise.all(system.nodeAddresses.map((node) => readKey(node, key)));
  const good = stored.find((value) => value !== undefined) ?? "";
  const elsewhere = system.nodeAddresses[stored.indexOf(undefined)] ?? "";

  const put = async (text: string) => {
    await writeKey(elsewhere, key, text);
    return (await checkCache(system)).violations.map(({ node }) => node);
  };
  expect(await put(good)).toEqual([]);
  expect(await put('{"l":"0123456789abcdef"}')).toEqual([]);
  expect(await put(good.replace('"Name 1"', '"Name 0"'))).toEqual([elsewhere]);
  expect(await put(good.replace(/"vs":\{[^}]*\}/, '"vs":{}'))).toEqual([elsewhere]);
  expect(await put('{"vs":{},"d":null}')).toEqual([elsewhere]);
  expect(await put("{")).toEqual([elsewhere]);
});

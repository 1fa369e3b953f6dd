// The story that the project tells, with WRITER_DELETE off: only the bus can have deleted a key.
import { expect, test } from "vitest";
import { checkCache, countedEvents, untilQuiet } from "../support/checker.ts";
import { readKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { ownBroker } from "../support/own-servers.ts";
import { System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

test("a profile is missed, hit, changed, gone from the cache, and read under its new name", async () => {
  // A broker of its own: the topic's messages are counted at the end.
  const broker = await ownBroker();
  await using system = await System.create({ brokers: [broker.address] });
  const [service, invalidator] = await Promise.all([system.startService(), system.startInvalidator()]);
  const [id, ada, lovelace] = [uniqueName("story"), uniqueName("ada"), uniqueName("lovelace")];
  const send = (method: string, path = "", body?: object) =>
    fetch(`${service.url}/profiles${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
  /** X-Cache, and the name or the status of an answer without one. */
  const read = async (path: string) => {
    const answer = await send("GET", path);
    const body = (await answer.json()) as { displayName?: string };
    return [answer.headers.get("x-cache"), body.displayName ?? answer.status];
  };
  const holders = async (key: string) => {
    const values = await Promise.all(system.nodeAddresses.map((node) => readKey(node, key)));
    return values.filter((value) => value !== undefined).length;
  };
  const gone = (...keys: string[]) =>
    waitFor(async () => (await Promise.all(keys.map(holders))).every((count) => count === 0), {
      describe: `${keys.join(" and ")} to be gone from every node`,
    });
  const [byId, byAda, byLovelace] = [`/${id}`, `/by-handle/${ada}`, `/by-handle/${lovelace}`];
  const [idKey, adaKey, lovelaceKey] = [
    `user_profile:${id}`,
    `user_profile_by_handle:${ada}`,
    `user_profile_by_handle:${lovelace}`,
  ];

  expect((await send("POST", "", { id, handle: ada, displayName: "Ada" })).status).toBe(201);
  await untilQuiet(system);
  expect(await read(byId)).toEqual(["MISS", "Ada"]);
  expect(await read(byId)).toEqual(["HIT", "Ada"]);
  expect(await read(byAda)).toEqual(["MISS", "Ada"]);
  expect(await read(byLovelace)).toEqual(["MISS", 404]);
  expect(await read(byLovelace)).toEqual(["HIT", 404]);
  expect(await Promise.all([idKey, adaKey, lovelaceKey].map(holders))).toEqual([1, 1, 1]);

  await send("PATCH", byId, { displayName: "Ada Lovelace" });
  await gone(idKey, adaKey);
  expect(await read(byId)).toEqual(["MISS", "Ada Lovelace"]);
  expect(await read(byAda)).toEqual(["MISS", "Ada Lovelace"]);
  expect(await read(byLovelace)).toEqual(["HIT", 404]);

  await send("PATCH", byId, { handle: lovelace });
  await gone(idKey, adaKey, lovelaceKey);
  expect(await read(byAda)).toEqual(["MISS", 404]);
  expect(await read(byLovelace)).toEqual(["MISS", "Ada Lovelace"]);

  await read(byId);
  await send("DELETE", byId);
  await gone(idKey, lovelaceKey);
  expect(await read(byId)).toEqual(["MISS", 404]);
  expect(await read(byId)).toEqual(["HIT", 404]);

  await send("POST", "", { id, handle: ada, displayName: "Ada again" });
  await gone(idKey, adaKey);
  expect(await read(byId)).toEqual(["MISS", "Ada again"]);

  const partitions = await untilQuiet(system);
  expect((await checkCache(system)).violations).toEqual([]);
  for (const pool of ["profiles", "teams"] as const) {
    const ofPool = partitions.filter((partition) => partition.pool === pool);
    const messages = ofPool.reduce((sum, { high }) => sum + high, 0);
    expect(await countedEvents([invalidator.url], pool)).toBe(messages);
  }
});

test("after creations, changes, swapped handles, deletions and reads in any order no value is old", async () => {
  await using system = await System.create();
  const [service] = await Promise.all([system.startService(), system.startInvalidator()]);
  const traffic = new Traffic(service.url, { seed: 7 });
  await traffic.createAll();
  const lanes = await Promise.all([1, 2, 3, 4].map(() => traffic.run(60)));
  expect(lanes.map(({ failed }) => failed)).toEqual([0, 0, 0, 0]);
  await untilQuiet(system);
  expect((await checkCache(system)).violations).toEqual([]);
  // A delete whose first try timed out may be executed late: that costs a value that was cached meanwhile.
  const cached = await waitFor(
    async () => {
      await traffic.cacheAll();
      const verdict = await checkCache(system);
      return verdict.values >= traffic.paths.length ? verdict : undefined;
    },
    { describe: "every id, handle and team to be cached at once" },
  );
  expect(cached.violations).toEqual([]);
});

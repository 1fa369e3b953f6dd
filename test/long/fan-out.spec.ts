// One change reaches every key of every service that was built from it: three services, three pools, real servers.
// `npm run test:fan-out -- --profiles 10000 --teams 500 --minutes 3` runs it at length.
import { expect, test } from "vitest";
import { FanOut } from "../support/fan-out.ts";
import { checkFanOut, compareKeys, plannedKeys, type PoolName } from "../support/fan-out-oracle.ts";
import { FanOutTraffic } from "../support/fan-out-traffic.ts";
import { waitFor } from "../support/wait-for.ts";

const size = (name: string, otherwise: number) => Number(process.env[`FAN_OUT_${name}`] ?? otherwise);
const [profiles, teams, seconds] = [size("PROFILES", 60), size("TEAMS", 8), size("SECONDS", 6)];
const seed = size("SEED", 1);

test(
  "in three services and pools every cached value is what the databases say, and no key beside the plans is touched",
  async () => {
    await using fanOut = await FanOut.create();
    const [others, ofTeams] = await Promise.all([
      fanOut.startInvalidator("profiles,search"),
      fanOut.startInvalidator("teams"),
    ]);
    await valuesAreNotBuiltFromStaleParents(fanOut, ofTeams);

    const traffic = new FanOutTraffic(fanOut, { profiles, teams, seed });
    await traffic.createAll();
    await traffic.readAll();
    await traffic.run(seconds * 500, 4);
    await traffic.readAll();
    await traffic.run(seconds * 500, 4);
    await fanOut.untilQuiet(120_000);
    expect(traffic.failed).toBe(0);

    // As the traffic has left it, and with every view read once more.
    expect((await checkFanOut(fanOut)).violations).toEqual([]);
    await traffic.readAll();
    const { checked, violations } = await checkFanOut(fanOut);
    expect(violations).toEqual([]);
    for (const view of [
      "user_profile",
      "user_profile_by_handle",
      "team_directory",
      "team_page",
      "team_card",
      "search",
    ])
      expect({ view, values: checked[view] ?? 0 }).not.toEqual({ view, values: 0 });

    const planned = await plannedKeys(fanOut);
    const [one, two, ofTeamsPool, ofSearch] = fanOut.logs;
    const touched: Record<PoolName, ReadonlyMap<string, number>> = {
      profiles: new Map([...(one?.touched ?? []), ...(two?.touched ?? [])]),
      teams: ofTeamsPool?.touched ?? new Map(),
      search: ofSearch?.touched ?? new Map(),
    };
    for (const pool of ["profiles", "teams", "search"] as const)
      expect({ pool, ...compareKeys(touched[pool], planned[pool]) }).toEqual({
        pool,
        beside: [],
        missed: [],
      });

    const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);
    console.log({
      profiles,
      teams,
      seconds,
      seed,
      changes: traffic.changes,
      checked,
      keysPlanned: sum(Object.values(planned).map((keys) => keys.size)),
      plannedOneByOne: sum(Object.values(planned).flatMap((keys) => [...keys.values()])),
      deletesSent: sum(fanOut.logs.map(({ deletes }) => deletes)),
      violations: violations.length,
    });
    expect(others.pid).toBeDefined();
  },
  (seconds + 600) * 1_000,
);

/** While the pool of the parents is not invalidated, a value that is derived from them in another pool is new. */
async function valuesAreNotBuiltFromStaleParents(
  { urls }: FanOut,
  ofTeams: Awaited<ReturnType<FanOut["startInvalidator"]>>,
): Promise<void> {
  const send = (url: string, method = "GET", body?: object) =>
    fetch(url, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
  const page = async () => {
    const answer = await send(`${urls.teams}/teams/stale`);
    const { members } = (await answer.json()) as { members?: unknown[] };
    return [answer.headers.get("x-cache"), members?.length];
  };
  const card = async () => {
    const answer = await send(`${urls.search}/cards/stale`);
    const { memberCount } = (await answer.json()) as { memberCount?: number };
    return [answer.headers.get("x-cache"), memberCount];
  };
  const until = (what: () => Promise<unknown>, wanted: unknown) =>
    waitFor(
      async () => {
        expect(await what()).toEqual(wanted);
        return true;
      },
      { timeoutMs: 60_000, describe: JSON.stringify(wanted) },
    );

  await send(`${urls.teams}/teams/stale`, "PUT", { name: "Stale" });
  const profile = { id: "stale", handle: "stale", displayName: "Stale", teamIds: ["stale"] };
  expect((await send(`${urls.profiles}/profiles`, "POST", profile)).status).toBe(201);
  await until(page, ["HIT", 1]);
  await until(card, ["HIT", 1]);
  await ofTeams.stop();
  await send(`${urls.profiles}/profiles/stale`, "PATCH", { teamIds: [] });
  await until(card, ["HIT", 0]);
  expect(await page()).toEqual(["HIT", 1]);
  await ofTeams.start();
  await until(page, ["HIT", 0]);
  expect(await card()).toEqual(["HIT", 0]);
}

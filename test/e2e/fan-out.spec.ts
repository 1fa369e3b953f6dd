// One change reaches every key of every service that was built from it: three services, three pools, real servers.
// `npm run test:fan-out` runs the same at length. The tests share the servers and stand in this order.
import { afterAll, beforeAll, expect, test } from "vitest";
import { query } from "../../scripts/local/postgres.mjs";
import { FanOut, manifestsFolder } from "../support/fan-out.ts";
import { checkFanOut, compareKeys } from "../support/fan-out-oracle.ts";
import { everyKeyIsReached } from "../support/fan-out-story.ts";
import { type RunningApp } from "../support/system.ts";
import { waitFor } from "../support/wait-for.ts";

let fanOut: FanOut;
let ofTeams: RunningApp;
let ofOthers: RunningApp;

beforeAll(async () => {
  fanOut = await FanOut.create();
  [ofTeams, ofOthers] = await Promise.all([
    fanOut.startInvalidator("teams"),
    fanOut.startInvalidator("profiles,search"),
  ]);
});
afterAll(async () => {
  await fanOut[Symbol.asyncDispose]();
});

async function send(url: string, method = "GET", body?: object): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  expect(answer.status).toBeLessThan(500);
  return { cache: answer.headers.get("x-cache"), status: answer.status, json: await answer.json() };
}

interface Answer {
  readonly cache: string | null;
  readonly status: number;
  readonly json: unknown;
}

/** Reads until the value comes from the cache. */
async function cached(url: string): Promise<unknown> {
  const hit = async () => {
    const { cache, json } = await send(url);
    return cache === "HIT" ? { json } : undefined;
  };
  return (await waitFor(hit, { timeoutMs: 60_000, describe: `a hit of ${url}` })).json;
}

/** A profile of this name in these teams, with everything about it in Kafka and gone from the caches. */
async function createProfile(id: string, ...teamIds: string[]): Promise<void> {
  const profile = { id, handle: id, displayName: id, teamIds };
  expect((await send(`${fanOut.urls.profiles}/profiles`, "POST", profile)).status).toBe(201);
  await fanOut.untilQuiet();
}

test("while its parent's pool is not invalidated, a derived value in another pool is not built from the old parent", async () => {
  const { name, urls } = fanOut;
  const [team, profile] = [`${name}-stale`, `${name}-moves`];
  const [page, card] = [`${urls.teams}/teams/${team}`, `${urls.search}/cards/${team}`];
  await send(page, "PUT", { name: "Stale" });
  await createProfile(profile, team);
  expect(await cached(page)).toMatchObject({ members: [{ id: profile }] });
  expect(await cached(card)).toMatchObject({ memberCount: 1 });

  await ofTeams.stop();
  await send(`${urls.profiles}/profiles/${profile}`, "PATCH", { teamIds: [] });
  await waitFor(
    async () => {
      expect(await cached(card)).toMatchObject({ memberCount: 0 });
      return true;
    },
    { timeoutMs: 60_000, describe: "the card to be new" },
  );
  expect(await cached(page)).toMatchObject({ members: [{ id: profile }] });

  await ofTeams.start();
  await fanOut.untilQuiet();
  expect(await cached(page)).toMatchObject({ members: [] });
  expect(await cached(card)).toMatchObject({ memberCount: 0 });
});

test("in three services and pools every cached value is what the databases say, and no key beside the plans is touched", async () => {
  const sizes = { profiles: 40, teams: 6, seed: 1 };
  await everyKeyIsReached(fanOut, sizes, () => (changes) => changes < 100);
});

test("the check finds the values of an earlier handle and an earlier team when events are taken for their after alone", async () => {
  const { name, urls, system } = fanOut;
  const [profile, team, handle] = [`${name}-after`, `${name}-left`, `${name}-after`];
  await createProfile(profile, team);
  await cached(`${urls.profiles}/profiles/by-handle/${handle}`);
  await cached(`${urls.profiles}/teams/${team}/directory`);
  await query(system.databaseUrl, afterAlone);
  await send(`${urls.profiles}/profiles/${profile}`, "PATCH", { handle: `${handle}-new`, teamIds: [] });
  await fanOut.untilQuiet();
  await query(system.databaseUrl, "DROP TRIGGER after_alone ON outbox_events");
  expect(await violatedKeys()).toEqual([`team_directory:${team}`, `user_profile_by_handle:${handle}`]);
});

/** What an invalidator that ignores `before` would see: an event whose before is its after. */
const afterAlone = `
  CREATE FUNCTION after_alone() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.payload := jsonb_set(NEW.payload::jsonb, '{data,before}', NEW.payload::jsonb #> '{data,after}');
    RETURN NEW;
  END $$;
  CREATE TRIGGER after_alone BEFORE INSERT ON outbox_events FOR EACH ROW EXECUTE FUNCTION after_alone()`;

test("the check finds the values of a derived view, and the keys not deleted, when the manifests forget what it is derived from", async () => {
  const { name, urls } = fanOut;
  const [team, unnamed, profile] = [`${name}-forgot`, `${name}-unnamed`, `${name}-joins`];
  await send(`${urls.teams}/teams/${team}`, "PUT", { name: "Forgotten" });
  await createProfile(profile);
  await cached(`${urls.teams}/teams/${team}`);
  await cached(`${urls.search}/cards/${team}`);
  await Promise.all([ofTeams.stop(), ofOthers.stop()]);
  const known = await violatedKeys();
  await fanOut.startInvalidator("profiles,teams,search", {
    MANIFESTS_DIR: manifestsFolder((manifest) =>
      manifest.replace("    derivedFrom:\n      - team_directory\n", ""),
    ),
  });
  await send(`${urls.profiles}/profiles/${profile}`, "PATCH", { teamIds: [team, unnamed] });
  await fanOut.untilQuiet();
  expect((await violatedKeys()).filter((key) => !known.includes(key))).toEqual([
    `team_card:${team}`,
    `team_page:${team}`,
  ]);
  const { differences } = await compareKeys(fanOut);
  expect(differences).toEqual([
    { pool: "teams", beside: [], missed: [`team_page:${unnamed}`] },
    { pool: "search", beside: [], missed: [`team_card:${unnamed}`] },
  ]);
});

async function violatedKeys(): Promise<string[]> {
  return (await checkFanOut(fanOut)).violations.map(({ key }) => key).sort();
}

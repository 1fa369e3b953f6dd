import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { query } from "../../../scripts/local/postgres.mjs";
import { uniqueName } from "../../support/names.ts";
import { send, startService } from "./harness.ts";

let service: Awaited<ReturnType<typeof startService>>;
beforeAll(async () => {
  service = await startService({ writerDelete: false });
});
afterAll(async () => {
  await service.close();
});

const ask = (view: string, body: unknown, headers?: Record<string, string>) =>
  send("POST", `${service.internalUrl}/internal/views/${view}`, body, headers);
const values = async (view: string, params: unknown[]) => {
  const answer = await ask(view, { params });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { values: unknown[] }).values;
};
/** A new profile, as the API answers it. */
const create = async (fields: object = {}) => {
  const id = uniqueName("p");
  const body = { id, handle: id, displayName: "Ada", ...fields };
  const answer = await send("POST", `${service.url}/profiles`, body);
  return (await answer.json()) as { id: string; handle: string };
};

test("the values of many keys are answered in the order asked, absent ones with their last version", async () => {
  const [ada, bob, gone] = [await create(), await create(), await create()];
  await send("DELETE", `${service.url}/profiles/${gone.id}`);
  const never = uniqueName("p");
  const asked = [bob.id, gone.id, never, ada.id, bob.id, "4\u00002", "x".repeat(1_024)];
  expect(
    await values(
      "user_profile",
      asked.map((profileId) => ({ profileId })),
    ),
  ).toEqual([
    { vs: { [`profile:${bob.id}`]: 1 }, d: bob },
    { vs: { [`profile:${gone.id}`]: 2 }, d: null },
    { vs: { [`profile:${never}`]: 0 }, d: null },
    { vs: { [`profile:${ada.id}`]: 1 }, d: ada },
    { vs: { [`profile:${bob.id}`]: 1 }, d: bob },
    { vs: { "profile:4\u00002": 0 }, d: null },
    { vs: { [`profile:${"x".repeat(1_024)}`]: 0 }, d: null },
  ]);
});

test("every view of the manifest is served", async () => {
  const [team, empty] = [uniqueName("team"), uniqueName("team")];
  const [zoe, ada] = [
    await create({ displayName: "Zoë", teamIds: [team] }),
    await create({ teamIds: [team] }),
  ];
  expect(await values("user_profile_by_handle", [{ handle: "nobody" }, { handle: ada.handle }])).toEqual([
    { vs: {}, d: null },
    { vs: { [`profile:${ada.id}`]: 1 }, d: ada },
  ]);
  const members = [
    { id: ada.id, displayName: "Ada", avatarUrl: null },
    { id: zoe.id, displayName: "Zoë", avatarUrl: null },
  ];
  const directory = {
    vs: { [`profile:${ada.id}`]: 1, [`profile:${zoe.id}`]: 1 },
    d: { teamId: team, members, isComplete: true },
  };
  expect(await values("team_directory", [{ teamId: team }, { teamId: empty }, { teamId: team }])).toEqual([
    directory,
    { vs: {}, d: null },
    directory,
  ]);
});

test("the value is the primary's, whatever is cached", async () => {
  const { id } = await create();
  await send("GET", `${service.url}/profiles/${id}`);
  await query(service.databaseUrl, `UPDATE profiles SET version = 9, bio = 'new' WHERE id = '${id}'`);
  expect((await send("GET", `${service.url}/profiles/${id}`)).headers.get("x-cache")).toBe("HIT");
  expect(await values("user_profile", [{ profileId: id }])).toMatchObject([
    { vs: { [`profile:${id}`]: 9 }, d: { version: 9, bio: "new" } },
  ]);
});

test("a hundred of the longest ids fit into one request, and a hundred and one keys do not", async () => {
  const params = Array.from({ length: 100 }, (_, n) => ({ profileId: `${n}\u0001`.padEnd(1_024, "\u0001") }));
  expect(await values("user_profile", params)).toHaveLength(100);
  const answer = await ask("user_profile", { params: [...params, { profileId: "42" }] });
  expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ field: "params" }] }]);
});

test.each([
  ["no list", {}, "params"],
  ["an empty list", { params: [] }, "params"],
  ["a list of texts", { params: ["42"] }, "params.0"],
  [
    "a parameter that is an object",
    { params: [{ profileId: "42" }, { profileId: {} }] },
    "params.1.profileId",
  ],
  ["another parameter's name", { params: [{ id: "42" }] }, "params.0"],
  ["one parameter too many", { params: [{ profileId: "42", handle: "ada" }] }, "params.0"],
  ["a field besides", { params: [{ profileId: "42" }], limit: 1 }, "limit"],
])("%s is 400 and names what is wrong", async (_, body, field) => {
  const answer = await ask("user_profile", body);
  expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ field }] }]);
});

test("a view that there is not is 404 and those that there are are named", async () => {
  const answer = await ask("user_profiles", { params: [{ profileId: "42" }] });
  expect([answer.status, await answer.json()]).toMatchObject([
    404,
    {
      errors: [
        { field: "view", remedy: "must be one of user_profile, user_profile_by_handle, team_directory" },
      ],
    },
  ]);
});

test("the public port knows no internal views", async () => {
  const answer = await send("POST", `${service.url}/internal/views/user_profile`, { params: [] });
  expect(answer.status).toBe(404);
});

describe("with INTERNAL_TOKEN", () => {
  test("nothing but the token opens /internal, and probes and metrics need none", async () => {
    await using guarded = await startService({ internalToken: "s3cret" });
    const url = `${guarded.internalUrl}/internal/views/user_profile`;
    const asked = { params: [{ profileId: "42" }] };
    const status = async (authorization?: string) =>
      (await send("POST", url, asked, authorization === undefined ? {} : { authorization })).status;
    for (const wrong of [undefined, "", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"])
      expect(await status(wrong)).toBe(401);
    expect(await status("Bearer s3cret")).toBe(200);
    expect(await status("bearer s3cret")).toBe(200);
    const refused = await send("POST", url, asked);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(await refused.json()).toMatchObject({
      detail: expect.stringContaining("INTERNAL_TOKEN") as string,
    });
    for (const path of ["/metrics", "/health/live", "/health/ready"])
      expect((await send("GET", guarded.internalUrl + path)).status).toBe(200);
  });
});

import { type ChangeEvent, parseManifest, parsePools } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { compile, maxKeysAtOnce, type Plan } from "./index.ts";

const profileManifest = parseManifest(
  {
    freshet: 1,
    service: "profile-service",
    publishes: {
      ProfileChanged: {
        entity: "profile",
        topic: "profile.events.v1",
        fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
        routing: { handle: "string", teamIds: ["string"], cities: "[string]?", badge: "integer?" },
      },
    },
    views: {
      user_profile: {
        key: "user_profile:{profileId}",
        pool: "profiles",
        dependsOn: [{ event: "ProfileChanged", params: { profileId: "subject" } }],
      },
      user_profile_by_handle: {
        key: "user_profile_by_handle:{handle}",
        pool: "profiles",
        ttlSeconds: 600,
        dependsOn: [{ event: "ProfileChanged", params: { handle: "handle" } }],
      },
      team_directory: {
        key: "team_directory:{teamId}",
        pool: "teams",
        formerKeys: ["team_dir:{teamId}"],
        dependsOn: [
          {
            event: "ProfileChanged",
            fields: ["displayName", "avatarUrl"],
            params: { teamId: "teamIds[]" },
          },
        ],
      },
      team_in_city: {
        key: "team_in_city:{teamId}:{city}",
        pool: "search",
        dependsOn: [{ event: "ProfileChanged", params: { teamId: "teamIds[]", city: "cities[]" } }],
      },
      badge: {
        key: "badge:{badge}",
        pool: "search",
        dependsOn: [{ event: "ProfileChanged", params: { badge: "badge" } }],
      },
    },
  },
  "profiles.yaml",
);
const pool = { nodes: ["127.0.0.1:11211"] };
const pools = parsePools(
  { freshet: 1, pools: { profiles: pool, teams: pool, search: pool, idle: pool } },
  "pools.yaml",
);
const graph = compile([{ file: "profiles.yaml", manifest: profileManifest }], pools);

const ada = { handle: "ada", teamIds: ["t1"] };

function event(data: Partial<ChangeEvent["data"]>, subject = "42"): ChangeEvent {
  return {
    specversion: "1.0",
    id: "1",
    source: "profile-service",
    type: "ProfileChanged",
    subject,
    data: { version: 7, change: "updated", before: ada, after: ada, ...data },
  };
}

function keysOf(plan: Plan): string[] {
  if (plan.kind !== "keys") throw new Error(`the plan is ${JSON.stringify(plan)}`);
  return plan.keys.map(({ key }) => key);
}

describe("the plan of one event", () => {
  it("names the keys of before and of after, united", () => {
    const renamed = event({ after: { ...ada, handle: "ada.l" } });
    expect(graph.pool("profiles").plan(renamed)).toEqual({
      kind: "keys",
      keys: [
        { key: "user_profile:42", view: "user_profile", action: "delete" },
        { key: "user_profile_by_handle:ada", view: "user_profile_by_handle", action: "delete" },
        { key: "user_profile_by_handle:ada.l", view: "user_profile_by_handle", action: "delete" },
      ],
    });
    expect(keysOf(graph.pool("profiles").plan(event({})))).toEqual([
      "user_profile:42",
      "user_profile_by_handle:ada",
    ]);
  });

  it("names only after when created and only before when deleted", () => {
    const created = event({ change: "created", before: { handle: "ghost", teamIds: [] } });
    expect(keysOf(graph.pool("profiles").plan(created))).toContain("user_profile_by_handle:ada");
    expect(keysOf(graph.pool("profiles").plan(created))).not.toContain("user_profile_by_handle:ghost");
    const deleted = event({ change: "deleted", before: ada, after: null });
    expect(keysOf(graph.pool("profiles").plan(deleted))).toEqual([
      "user_profile:42",
      "user_profile_by_handle:ada",
    ]);
  });

  it("names every element of a list, each key once, and former keys as well", () => {
    const moved = event({
      before: { handle: "ada", teamIds: ["t1", "t2", "t1"] },
      after: { handle: "ada", teamIds: ["t2", "t3"] },
    });
    expect(keysOf(graph.pool("teams").plan(moved)).sort()).toEqual([
      "team_dir:t1",
      "team_dir:t2",
      "team_dir:t3",
      "team_directory:t1",
      "team_directory:t2",
      "team_directory:t3",
    ]);
  });

  it("multiplies lists within one side, never across sides", () => {
    const moved = event({
      before: { handle: "ada", teamIds: ["t1", "t2"], cities: ["x", "y"] },
      after: { handle: "ada", teamIds: ["t3"], cities: ["z"] },
    });
    expect(keysOf(graph.pool("search").plan(moved)).sort()).toEqual([
      "team_in_city:t1:x",
      "team_in_city:t1:y",
      "team_in_city:t2:x",
      "team_in_city:t2:y",
      "team_in_city:t3:z",
    ]);
  });

  it.each([
    ["null", null],
    ["absent", undefined],
    ["empty", []],
  ])("gets no key from a side whose value is %s", (_, cities) => {
    expect(graph.pool("search").plan(event({ before: { ...ada, cities }, after: ada }))).toEqual({
      kind: "unaffected",
    });
  });

  it("skips a view when no field that it names has changed, on updated alone", () => {
    const teams = graph.pool("teams");
    expect(teams.plan(event({ changedFields: ["bio"] }))).toEqual({ kind: "unaffected" });
    expect(keysOf(teams.plan(event({ changedFields: ["bio", "displayName"] })))).toHaveLength(2);
    expect(keysOf(teams.plan(event({ changedFields: [] })))).toHaveLength(2);
    expect(keysOf(teams.plan(event({ change: "created", changedFields: ["bio"] })))).toHaveLength(2);
    expect(keysOf(teams.plan(event({ change: "deleted", changedFields: ["bio"] })))).toHaveLength(2);
  });

  it("counts a field used in params as named in fields", () => {
    expect(keysOf(graph.pool("teams").plan(event({ changedFields: ["teamIds"] })))).toHaveLength(2);
  });

  it("is skipped for a type that no view of the pool names", () => {
    expect(graph.pool("profiles").plan({ ...event({}), type: "Unheard" })).toEqual({ kind: "skipped" });
    expect(graph.pool("idle").plan(event({}))).toEqual({ kind: "skipped" });
    expect(graph.pool("profiles").plan({ ...event({}), type: "constructor" })).toEqual({ kind: "skipped" });
  });

  it.each([
    ["a required value is missing", { after: { handle: "ada" } }, "data.after.teamIds: must be [string]"],
    ["a required side is missing", { before: null }, "data.before.handle: must be string"],
    ["a list is no list", { after: { ...ada, teamIds: "t1" } }, "data.after.teamIds: must be [string]"],
    ["an element is null", { after: { ...ada, teamIds: [null] } }, "data.after.teamIds: must be [string]"],
    ["an integer is a fraction", { after: { ...ada, badge: 1.5 } }, "data.after.badge: must be integer?"],
    ["a string has no UTF-8", { after: { ...ada, handle: "\ud800" } }, "data.after.handle: must be string"],
  ])("is undecodable when %s", (_, data, detail) => {
    expect(graph.pool("profiles").plan(event(data))).toEqual({
      kind: "undecodable",
      reason: "invalid_routing",
      detail,
    });
  });

  it("is cut into slices that together hold every key, when it expands beyond the limit", () => {
    const teamIds = Array.from({ length: 150 }, (_, index) => `t${index}`);
    const cities = Array.from({ length: 100 }, (_, index) => `c${index}`);
    const plan = graph
      .pool("search")
      .plan(event({ change: "created", after: { handle: "ada", teamIds, cities, badge: 5 } }));
    if (plan.kind !== "slices") throw new Error(plan.kind);
    expect(plan.size).toBe(15_001);
    const keys = [0, 1, 2].flatMap((slice) => plan.slice(slice * maxKeysAtOnce, maxKeysAtOnce));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(15_001);
    expect(keys).toHaveLength(15_001);
    expect(plan.slice(14_999, 5).map(({ key }) => key)).toEqual(["team_in_city:t149:c99", "badge:5"]);
  });

  it("is undecodable when it would expand without bound", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `v${index}`);
    const plan = graph
      .pool("search")
      .plan(event({ change: "created", after: { handle: "ada", teamIds: many, cities: many } }));
    expect(plan).toMatchObject({ kind: "undecodable", reason: "too_many_keys" });
  });
});

describe("a pool", () => {
  it("says which topics concern it and for how long its values can live", () => {
    expect(graph.pool("profiles").topics).toEqual(["profile.events.v1"]);
    expect(graph.pool("profiles").longestHardTtlSeconds).toBe(3_960);
    expect(graph.pool("idle").topics).toEqual([]);
    expect(graph.pool("idle").longestHardTtlSeconds).toBe(0);
    expect(() => graph.pool("nowhere")).toThrow(expect.objectContaining({ code: "POOL_UNKNOWN" }));
  });

  it("names the keys of an undecodable event that follow from its entity, and says whether there are others", () => {
    const profiles = graph.pool("profiles");
    expect(profiles.subjectKeys("profile.events.v1", "a b")).toEqual([
      { key: "user_profile:~c8687a08aa5d6ed2044328fa6a697ab8", view: "user_profile", action: "delete" },
    ]);
    expect(profiles.hasOtherViews("profile.events.v1")).toBe(true);
    expect(profiles.subjectKeys("other.events.v1", "42")).toEqual([]);
    expect(profiles.hasOtherViews("other.events.v1")).toBe(false);
    expect(profiles.subjectKeys("profile.events.v1", "\ud800")).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import {
  ada,
  bySubject,
  event,
  graph,
  graphOf,
  keysOf,
  profileManifest,
} from "../../../test/support/profile-graph.ts";
import { maxKeysAtOnce, type Plan } from "./index.ts";

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

  it("notices a moved key even if the fields that the event announces do not name what it is built from", () => {
    const cityId = { ...profileManifest.publishes["ProfileChanged"]?.routing, cityId: "string" };
    const byCity = graphOf(
      {
        city: {
          key: "city:{cityId}",
          dependsOn: [{ event: "ProfileChanged", fields: ["bio"], params: { cityId: "cityId" } }],
        },
      },
      cityId,
    );
    const moved = { before: { ...ada, cityId: "c1" }, after: { ...ada, cityId: "c2" } };
    expect(keysOf(byCity.plan(event({ changedFields: ["handle"], ...moved })))).toEqual([
      "city:c1",
      "city:c2",
    ]);
    expect(keysOf(byCity.plan(event({ changedFields: ["bio"], ...moved })))).toEqual(["city:c1", "city:c2"]);
    const stayed = { before: moved.before, after: moved.before };
    expect(byCity.plan(event({ changedFields: ["handle"], ...stayed }))).toEqual({ kind: "unaffected" });
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
    const created = event({ change: "created", after: { handle: "ada", teamIds, cities, badge: 5 } });
    const plan = graph.pool("search").plan(created);
    if (plan.kind !== "slices") throw new Error(plan.kind);
    expect(plan.size).toBe(15_001);
    expect(plan.slices).toBe(2);
    const keys = [plan.slice(0), plan.slice(1)].flat();
    expect(plan.slice(0)).toHaveLength(maxKeysAtOnce);
    expect(new Set(keys.map(({ key }) => key)).size).toBe(15_001);
    expect(keys).toHaveLength(15_001);
    expect(graph.pool("search").plan(created, 15_001)).toMatchObject({ kind: "keys", keys });
    expect(graph.pool("search").plan(created, 15_000)).toMatchObject({ kind: "slices", slices: 2 });
  });

  it("is undecodable when it would expand without bound", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `v${index}`);
    const plan = graph
      .pool("search")
      .plan(event({ change: "created", after: { handle: "ada", teamIds: many, cities: many } }));
    expect(plan).toMatchObject({ kind: "undecodable", reason: "too_many_keys" });
  });
});

describe("a change of a base", () => {
  const derived = graphOf({
    user_profile: { key: "user_profile:{profileId}", dependsOn: bySubject },
    team_directory: {
      key: "team_directory:{teamId}:{handle}",
      dependsOn: [
        {
          event: "ProfileChanged",
          fields: ["displayName"],
          params: { teamId: "teamIds[]", handle: "handle" },
        },
      ],
    },
    team_page: { key: "team_page:{teamId}", derivedFrom: ["team_directory"] },
    site: { key: "site", derivedFrom: ["team_page", "user_profile"] },
  });

  it("reaches what is derived from it, step by step, with its field filter", () => {
    expect(keysOf(derived.plan(event({ changedFields: ["displayName"] }))).sort()).toEqual([
      "site",
      "team_directory:t1:ada",
      "team_page:t1",
      "user_profile:42",
    ]);
    expect(keysOf(derived.plan(event({ changedFields: ["bio"] })))).toEqual(["user_profile:42", "site"]);
  });

  it("says why, as the way through the graph", () => {
    const why = derived.why(event({ changedFields: ["displayName"] }));
    expect(why.map(({ planned: { key }, path }) => `${key}: ${path.join(" → ")}`).sort()).toEqual([
      "site: ProfileChanged → team_directory → team_page → site",
      "site: ProfileChanged → user_profile → site",
      "team_directory:t1:ada: ProfileChanged → team_directory",
      "team_page:t1: ProfileChanged → team_directory → team_page",
      "user_profile:42: ProfileChanged → user_profile",
    ]);
    expect(derived.why({ ...event({}), type: "Unheard" })).toEqual([]);
    expect(derived.why(event({ after: null }))).toEqual([]);
  });
});

describe("a tag", () => {
  const tagged = graphOf({
    search_results: {
      key: "search:{teamId}:{query}",
      tags: [
        { tag: "search:profiles", event: "ProfileChanged", fields: ["displayName", "handle"] },
        { tag: "search:team:{teamId}", event: "ProfileChanged", params: { teamId: "teamIds[]" } },
        { tag: "profile:{id}", event: "ProfileChanged", params: { id: "subject" }, members: true },
      ],
    },
    search_count: {
      key: "search_count:{query}",
      tags: [{ tag: "search:profiles", event: "ProfileChanged" }],
    },
  });

  it("is deleted under its own key, once for all views that have it", () => {
    const changed = event({ changedFields: ["displayName"], after: { ...ada, teamIds: ["t 2"] } });
    const keys = keysOf(tagged.plan(changed));
    expect(keys.sort()).toEqual([
      "t:profile:42",
      "t:search:profiles",
      "t:search:team:t1",
      "t:search:team:~fd555bee8f13792aff01861998fa3702",
    ]);
  });

  it("is left alone when no field that it names has changed", () => {
    expect(keysOf(tagged.plan(event({ changedFields: ["teamIds"] }))).sort()).toEqual([
      "t:profile:42",
      "t:search:profiles", // search_count names no field
      "t:search:team:t1",
    ]);
  });

  it("follows from the entity's id if it is constant or made of it", () => {
    const keys = tagged.subjectKeys("profile.events.v1", "42").map(({ key }) => key);
    expect(keys).toEqual(["t:search:profiles", "t:profile:42"]);
    expect(tagged.hasOtherViews("profile.events.v1")).toBe(true);
  });
});

describe("a view that is refreshed", () => {
  const refreshed = graphOf({
    user_profile: {
      key: "user_profile:{profileId}",
      formerKeys: ["profile:{profileId}"],
      dependsOn: bySubject,
      onChange: { refresh: "/internal/views/user_profile" },
    },
    page: { key: "page:{profileId}", derivedFrom: ["user_profile"] },
  });
  const refresh = {
    key: "user_profile:42",
    view: "user_profile",
    action: "refresh",
    version: 7,
    subject: "42",
  };
  const remove = { ...refresh, action: "delete", version: undefined, subject: undefined };
  const actions = (plan: Plan): unknown => (plan.kind === "keys" ? plan.keys : plan);

  it("is renewed up to the event's version; its former keys and what is derived from it are deleted", () => {
    expect(actions(refreshed.plan(event({})))).toEqual([
      refresh,
      { ...remove, key: "profile:42" },
      { ...remove, key: "page:42", view: "page" },
    ]);
    expect(refreshed.views.get("user_profile")).toMatchObject({
      service: "profile-service",
      refreshPath: "/internal/views/user_profile",
    });
  });

  it("is deleted when its entity is, and when the event cannot be decoded", () => {
    const deleted = refreshed.plan(event({ change: "deleted", after: null }));
    expect(actions(deleted)).toContainEqual(remove);
    expect(refreshed.subjectKeys("profile.events.v1", "42")).toContainEqual(remove);
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

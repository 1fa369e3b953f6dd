import { FreshetError, type ManifestProblem, parseManifest, parsePools } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { compile, type DependencyGraph } from "./index.ts";

const pool = { nodes: ["127.0.0.1:11211"] };
const pools = parsePools({ freshet: 1, pools: { p: pool, q: pool } }, "pools.yaml");

const ProfileChanged = {
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "teamIds"],
  routing: { handle: "string", teamIds: ["string"] },
};
const TeamChanged = { entity: "team", topic: "team.events.v1", fields: ["name"], routing: {} };
const bySubject = [{ event: "ProfileChanged", params: { id: "subject" } }];
const profile = { key: "profile:{id}", pool: "p", dependsOn: bySubject };

interface Declared {
  service?: string;
  publishes?: Record<string, unknown>;
  views?: Record<string, unknown>;
}

function compiled(...manifests: Declared[]): DependencyGraph {
  return compile(
    manifests.map((part, index) => {
      const file = `${index}.yaml`;
      const data = { freshet: 1, service: `service-${index}`, ...part };
      return { file, manifest: parseManifest(data, file) };
    }),
    pools,
  );
}

function problems(...manifests: Declared[]): readonly ManifestProblem[] {
  try {
    compiled(...manifests);
  } catch (error) {
    if (error instanceof FreshetError && error.code === "MANIFEST_INVALID")
      return error.details.problems as readonly ManifestProblem[];
    throw error;
  }
  return [];
}

/** What is wrong with these views of a service that publishes both events, as `path: problem`. */
function viewProblems(views: Record<string, unknown>): string[] {
  return problems({ publishes: { ProfileChanged, TeamChanged }, views }).map(
    ({ path, problem }) => `${path}: ${problem}`,
  );
}

describe("a set of manifests is refused", () => {
  it.each([
    ["pool", { pool: "r" }, "views.v.pool: there is no pool r"],
    ["pool that every object has", { pool: "constructor" }, "views.v.pool: there is no pool constructor"],
    [
      "event",
      { dependsOn: [{ event: "Other", params: { id: "subject" } }] },
      "views.v.dependsOn.0.event: no manifest publishes Other",
    ],
    [
      "event that every object has",
      { dependsOn: [{ event: "constructor", params: { id: "subject" } }] },
      "views.v.dependsOn.0.event: no manifest publishes constructor",
    ],
    [
      "field",
      { dependsOn: [{ event: "ProfileChanged", fields: ["bio"], params: { id: "subject" } }] },
      "views.v.dependsOn.0.fields: ProfileChanged has no field bio",
    ],
    [
      "routing value",
      { dependsOn: [{ event: "ProfileChanged", params: { id: "displayName" } }] },
      "views.v.dependsOn.0.params.id: ProfileChanged has no routing value displayName",
    ],
    [
      "list written as a value",
      { dependsOn: [{ event: "ProfileChanged", params: { id: "teamIds" } }] },
      "views.v.dependsOn.0.params.id: teamIds is a list",
    ],
    [
      "value written as a list",
      { dependsOn: [{ event: "ProfileChanged", params: { id: "handle[]" } }] },
      "views.v.dependsOn.0.params.id: handle is no list",
    ],
    [
      "subject written as a list",
      { dependsOn: [{ event: "ProfileChanged", params: { id: "subject[]" } }] },
      "views.v.dependsOn.0.params.id: ProfileChanged has no routing value subject[]",
    ],
    [
      "parameter that is not filled",
      { dependsOn: [{ event: "ProfileChanged", params: {} }] },
      "views.v.dependsOn.0.params: {id} of v:{id} is not filled",
    ],
    [
      "parameter that the key has not",
      { dependsOn: [{ event: "ProfileChanged", params: { id: "subject", team: "teamIds[]" } }] },
      "views.v.dependsOn.0.params.team: v:{id} has no {team}",
    ],
    [
      "former key with another parameter",
      { formerKeys: ["w:{team}"] },
      "views.v.formerKeys.0: {team} is no parameter of the key v:{id}",
    ],
    [
      "former key that can equal the key",
      { formerKeys: ["v:{id}"] },
      "views.v.formerKeys.0: v:{id} can give the same key as v:{id} of v (service-0)",
    ],
  ])("for a %s", (_, part, problem) => {
    const view = { key: "v:{id}", pool: "p", dependsOn: bySubject, ...part };
    expect(viewProblems({ v: view })).toEqual([problem]);
  });

  it.each(["{id}:v", "t:{id}", "v:x{id}", `v:{id}:{id}:{id}:{id}`])("for the key template %s", (key) => {
    expect(viewProblems({ v: { ...profile, key } })).toEqual([
      expect.stringMatching(/^views\.v\.key: key template/),
    ]);
  });

  it("for two templates of one pool that can give the same key, but not of two pools", () => {
    const other = {
      key: "profile:all",
      pool: "p",
      dependsOn: [{ event: "ProfileChanged", params: {} }],
    };
    expect(viewProblems({ a: profile, b: other })).toEqual([
      "views.b.key: profile:all can give the same key as profile:{id} of a (service-0)",
    ]);
    expect(viewProblems({ a: profile, b: { ...other, pool: "q" } })).toEqual([]);
  });

  it("for an event with two publishers or two topics, a service with two manifests, a name twice in a pool", () => {
    const view = { ...profile, key: "other:{id}" };
    expect(
      problems(
        { service: "a", publishes: { ProfileChanged }, views: { profile } },
        {
          service: "a",
          publishes: { ProfileChanged: { ...ProfileChanged, topic: "other.events.v1" } },
          views: { profile: view },
        },
      ),
    ).toMatchObject([
      { file: "1.yaml", path: "service" },
      { file: "1.yaml", path: "views.profile" },
      { file: "1.yaml", path: "publishes.ProfileChanged", problem: "a publishes ProfileChanged as well" },
    ]);
  });

  it("with every problem at once, each with its file and how to mend it", () => {
    expect(
      problems(
        { publishes: { ProfileChanged }, views: { v: { ...profile, pool: "r" } } },
        { views: { w: { ...profile, dependsOn: [{ event: "ProfileChanged", params: { id: "teamIds" } }] } } },
      ),
    ).toEqual([
      { file: "0.yaml", path: "views.v.pool", problem: "there is no pool r", mend: "use one of p, q" },
      {
        file: "1.yaml",
        path: "views.w.dependsOn.0.params.id",
        problem: "teamIds is a list",
        mend: "write teamIds[]",
      },
    ]);
  });
});

describe("refresh", () => {
  const onChange = { refresh: "/internal/views/v" };

  it("is allowed where the key follows from the subject alone", () => {
    expect(viewProblems({ v: { ...profile, onChange } })).toEqual([]);
  });

  it.each([
    [
      "a key of routing values",
      { dependsOn: [{ event: "ProfileChanged", params: { id: "handle" } }] },
      "its key does not follow from the subject alone",
    ],
    [
      "a key of routing values by one of its events",
      { dependsOn: [...bySubject, { event: "ProfileChanged", params: { id: "teamIds[]" } }] },
      "its key does not follow from the subject alone",
    ],
    [
      "a constant key",
      { key: "all", dependsOn: [{ event: "ProfileChanged", params: {} }] },
      "its key does not follow from the subject alone",
    ],
    [
      "versions of two entities",
      { dependsOn: [...bySubject, { event: "TeamChanged", params: { id: "subject" } }] },
      "its events are of several entities (profile, team)",
    ],
    [
      "tags",
      { tags: [{ tag: "all", event: "ProfileChanged" }] },
      "a value with tags is always deleted: a refresh knows none of their tokens",
    ],
  ])("is refused for %s", (_, part, problem) => {
    expect(viewProblems({ v: { ...profile, onChange, ...part } })).toEqual([`views.v.onChange: ${problem}`]);
  });

  it("is refused for a derived view", () => {
    const derived = { key: "derived:{id}", pool: "q", derivedFrom: ["profile"], onChange };
    expect(viewProblems({ profile, derived })).toEqual([
      "views.derived.onChange: a derived view is always deleted",
    ]);
  });
});

describe("derivedFrom is refused", () => {
  const derived = (name: string, ...derivedFrom: string[]): Record<string, unknown> => ({
    key: `${name}:{id}`,
    pool: "p",
    derivedFrom,
  });

  it("in a cycle, whose way is named once", () => {
    expect(viewProblems({ a: derived("a", "b"), b: derived("b", "a") })).toEqual([
      "views.b.derivedFrom.a: it is derived from itself: a → b → a",
    ]);
    const outside = derived("outside", "a");
    expect(viewProblems({ outside, a: derived("a", "b"), b: derived("b", "a") })).toEqual([
      "views.b.derivedFrom.a: it is derived from itself: a → b → a",
    ]);
    expect(viewProblems({ a: { ...profile, derivedFrom: ["a"] } })).toEqual([
      "views.a.derivedFrom.a: it is derived from itself: a → a",
    ]);
    const cycle = { profile, a: derived("a", "c", "profile"), b: derived("b", "a"), c: derived("c", "b") };
    expect(viewProblems(cycle)).toEqual(["views.b.derivedFrom.a: it is derived from itself: a → c → b → a"]);
  });

  it("from a view that does not exist or that only others have twice", () => {
    expect(viewProblems({ a: derived("a", "constructor") })).toEqual([
      "views.a.derivedFrom.constructor: there is no view constructor",
    ]);
    const [one, two] = [profile, { ...profile, pool: "q" }];
    expect(
      problems(
        { publishes: { ProfileChanged }, views: { profile: one } },
        { views: { profile: two, own: derived("own", "profile") } },
        { views: { foreign: derived("foreign", "profile") } },
      ),
    ).toMatchObject([
      {
        file: "2.yaml",
        path: "views.foreign.derivedFrom.profile",
        problem: "several services have a view profile",
      },
    ]);
  });

  it("with a parameter that a base has not", () => {
    const team = {
      key: "team:{teamId}",
      pool: "p",
      dependsOn: [{ event: "TeamChanged", params: { teamId: "subject" } }],
    };
    expect(viewProblems({ profile, team, a: derived("a", "profile", "team") })).toEqual([
      "views.a.derivedFrom.team: {id} is no parameter of team's key",
    ]);
  });

  it("from a base that has only tags, or nothing", () => {
    const tagged = { key: "tagged:{id}", pool: "p", tags: [{ tag: "all", event: "ProfileChanged" }] };
    const still = { key: "still:{id}", pool: "p" };
    expect(viewProblems({ tagged, still, a: derived("a", "tagged", "still") })).toEqual([
      "views.a.derivedFrom.tagged: tagged has only tags: no key follows from it",
      "views.a.derivedFrom.still: still depends on nothing: no key follows from it",
    ]);
  });

  it("from a base whose tags name an event that the view would not notice", () => {
    const tags = [{ tag: "all", event: "TeamChanged" }];
    const base = { ...profile, tags };
    expect(viewProblems({ profile: base, a: derived("a", "profile") })).toEqual([
      "views.a.derivedFrom.profile: tags are not inherited, and profile has some for TeamChanged",
    ]);
    expect(viewProblems({ profile: base, a: { ...derived("a", "profile"), tags } })).toEqual([]);
  });
});

describe("tags are refused", () => {
  const list = { key: "list:{query}", pool: "p" };
  const collection = { tag: "list", event: "ProfileChanged" };
  const member = { tag: "profile:{id}", event: "ProfileChanged", params: { id: "subject" }, members: true };

  it("if members are tagged and the collection is not", () => {
    expect(viewProblems({ list: { ...list, tags: [member] } })).toEqual([
      "views.list.tags: its members are tagged, but rows that newly match would go unnoticed",
    ]);
    expect(viewProblems({ list: { ...list, tags: [member, collection] } })).toEqual([]);
  });

  it("if a reader could not name them before its load", () => {
    const tag = { tag: "team:{teamId}", event: "ProfileChanged", params: { teamId: "teamIds[]" } };
    expect(viewProblems({ list: { ...list, tags: [tag] } })).toEqual([
      expect.stringMatching(
        /^views\.list\.tags\.0\.tag: \{teamId\} is no parameter of the key list:\{query\}/,
      ),
    ]);
    expect(viewProblems({ list: { ...list, key: "list:{teamId}", tags: [tag] } })).toEqual([]);
  });

  it.each([
    ["an unknown event", { ...collection, event: "Other" }, "tags.0.event: no manifest publishes Other"],
    [
      "an unknown field",
      { ...collection, fields: ["bio"] },
      "tags.0.fields: ProfileChanged has no field bio",
    ],
    [
      "a placeholder that is not filled",
      { ...collection, tag: "list:{query}" },
      "tags.0.params: {query} of list:{query} is not filled",
    ],
    [
      "a placeholder that is not there",
      { ...collection, params: { id: "subject" } },
      "tags.0.params.id: list has no {id}",
    ],
    ["a name too long", { ...collection, tag: "x".repeat(249) }, "tags.0.tag: key template"],
  ])("for %s", (_, tag, problem) => {
    const [first, ...more] = viewProblems({ list: { ...list, tags: [tag] } });
    expect(first).toContain(`views.list.${problem}`);
    expect(more).toEqual([]);
  });
});

import { parseManifest, parsePools } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { compile, type DependencyGraph, diff, toMermaid, toText } from "./index.ts";

const ProfileChanged = {
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["displayName", "teamIds"],
  routing: { teamIds: ["string"] },
};
const pool = { nodes: ["127.0.0.1:11211"] };

const views = {
  user_profile: {
    key: "user_profile:{id}",
    pool: "profiles",
    dependsOn: [{ event: "ProfileChanged", params: { id: "subject" } }],
    onChange: { refresh: "/internal/views/user_profile" },
  },
  team_directory: {
    key: "team_directory:{teamId}",
    pool: "teams",
    formerKeys: ["team_dir:{teamId}"],
    dependsOn: [{ event: "ProfileChanged", fields: ["displayName"], params: { teamId: "teamIds[]" } }],
  },
  team_page: { key: 'team"page#1:{teamId}', pool: "teams", ttlSeconds: 60, derivedFrom: ["team_directory"] },
  site: { key: "site", pool: "teams", derivedFrom: ["team_page"] },
  search: {
    key: "search:{query}",
    pool: "teams",
    tags: [
      { tag: "search", event: "ProfileChanged", fields: ["displayName"] },
      { tag: "profile:{id}", event: "ProfileChanged", params: { id: "subject" }, members: true },
    ],
  },
};

function graph(
  part: { views?: Record<string, unknown>; event?: Record<string, unknown> } = {},
): DependencyGraph {
  const manifest = parseManifest(
    {
      freshet: 1,
      service: "profile-service",
      publishes: { ProfileChanged: { ...ProfileChanged, ...part.event } },
      views: part.views ?? views,
    },
    "a.yaml",
  );
  const pools = parsePools({ freshet: 1, pools: { profiles: pool, teams: pool } }, "pools.yaml");
  return compile([{ file: "a.yaml", manifest }], pools);
}

describe("a graph", () => {
  it("reads as text, with what each view inherits", () => {
    expect(toText(graph())).toBe(`profile-service publishes ProfileChanged on profile.events.v1
pool profiles
  user_profile (profile-service)
    key: user_profile:{id}
    ttlSeconds: 3600
    onChange: refresh /internal/views/user_profile
    on ProfileChanged: every field; id = subject
pool teams
  team_directory (profile-service)
    key: team_directory:{teamId}
    formerKey: team_dir:{teamId}
    ttlSeconds: 3600
    onChange: delete
    on ProfileChanged: fields displayName, teamIds; teamId = teamIds[]
  team_page (profile-service)
    key: team"page#1:{teamId}
    ttlSeconds: 60
    onChange: delete
    on ProfileChanged via team_directory: fields displayName, teamIds; teamId = teamIds[]
  site (profile-service)
    key: site
    ttlSeconds: 3600
    onChange: delete
    on ProfileChanged via team_directory via team_page: fields displayName, teamIds
  search (profile-service)
    key: search:{query}
    ttlSeconds: 3600
    onChange: delete
    tag t:search on ProfileChanged: fields displayName
    tag t:profile:{id} on ProfileChanged: of members; every field; id = subject
`);
  });

  it("draws as a Mermaid flowchart", () => {
    expect(toMermaid(graph())).toBe(`flowchart LR
  e0(["ProfileChanged<br/>profile.events.v1"])
  subgraph p0 ["pool profiles"]
    v0["user_profile<br/>user_profile:{id}"]
  end
  subgraph p1 ["pool teams"]
    v1["team_directory<br/>team_directory:{teamId}"]
    v2["team_page<br/>team#quot;page#35;1:{teamId}"]
    v3["site<br/>site"]
    v4["search<br/>search:{query}"]
  end
  e0 --> v0
  e0 -->|"displayName, teamIds"| v1
  v1 ==> v2
  v2 ==> v3
  e0 -.->|"tag t:search"| v4
  e0 -.->|"tag t:profile:{id}"| v4
`);
  });
});

describe("a difference between two sets", () => {
  const { user_profile, team_directory, ...rest } = views;
  const named = (after: DependencyGraph): unknown =>
    diff(graph(), after).map(({ name, property, before, after: is, hazard }) => [
      property === undefined ? name : `${name} ${property}`,
      before,
      is,
      hazard?.split(":")[0],
    ]);

  it("is none where nothing that counts has changed", () => {
    expect(diff(graph(), graph({ views: { ...rest, team_directory, user_profile } }))).toEqual([]);
  });

  it("names what was added, removed and changed, inherited changes included", () => {
    const changed = {
      ...rest,
      team_directory: {
        ...team_directory,
        dependsOn: [{ event: "ProfileChanged", params: { teamId: "teamIds[]" } }],
      },
      profile: user_profile,
    };
    expect(
      named(graph({ views: { ...changed, profile: { ...user_profile, key: "profile:{id}" } } })),
    ).toEqual([
      [
        "profile-service/user_profile",
        "profile-service/user_profile",
        undefined,
        "cached values are no longer invalidated",
      ],
      [
        "profile-service/team_directory on ProfileChanged",
        "fields displayName, teamIds; teamId = teamIds[]",
        "every field; teamId = teamIds[]",
        undefined,
      ],
      [
        "profile-service/team_page on ProfileChanged via team_directory",
        "fields displayName, teamIds; teamId = teamIds[]",
        "every field; teamId = teamIds[]",
        undefined,
      ],
      [
        "profile-service/site on ProfileChanged via team_directory via team_page",
        "fields displayName, teamIds",
        "every field",
        undefined,
      ],
      ["profile-service/profile", undefined, "profile-service/profile", undefined],
    ]);
  });

  it("warns of a key that is renamed without a former key, and of a pool that is left", () => {
    const renamed = { ...user_profile, key: "profile:{id}" };
    expect(named(graph({ views: { ...views, user_profile: renamed } }))).toEqual([
      ["profile-service/user_profile key", "user_profile:{id}", "profile:{id}", "values under user_profile"],
    ]);
    const kept = { ...renamed, formerKeys: ["user_profile:{id}"] };
    expect(named(graph({ views: { ...views, user_profile: kept } }))).toMatchObject([
      ["profile-service/user_profile key", "user_profile:{id}", "profile:{id}", undefined],
      ["profile-service/user_profile formerKey", undefined, "user_profile:{id}", undefined],
    ]);
    expect(named(graph({ views: { ...views, user_profile: { ...user_profile, pool: "teams" } } }))).toEqual([
      [
        "profile-service/user_profile pool",
        "profiles",
        "teams",
        "values in the pool profiles are no longer invalidated",
      ],
    ]);
  });

  it("warns of a routing value that becomes required, and of a topic that is left", () => {
    const event = { routing: { teamIds: ["string"], handle: "string", badge: "integer?" } };
    expect(named(graph({ event: { ...event, topic: "profile.events.v2" } }))).toEqual([
      [
        "profile-service/ProfileChanged topic",
        "profile.events.v1",
        "profile.events.v2",
        "events that are still in the old topic are not read",
      ],
      [
        "profile-service/ProfileChanged routing.handle",
        undefined,
        "string",
        "events that were published without it become dead letters",
      ],
      ["profile-service/ProfileChanged routing.badge", undefined, "integer?", undefined],
    ]);
  });

  it.each([
    ["is published no more", { type: "PersonChanged" }, "manifests that name it are refused"],
    ["is about another entity", { entity: "person" }, "versions of cached values stand under the old name"],
    ["announces a field no more", { fields: ["displayName"] }, "views that name teamIds are refused"],
    ["has a routing value no more", { routing: {} }, "views whose keys are built from it are refused"],
    [
      "may lack a routing value",
      { routing: { slug: "string?" } },
      "an event that lacks it deletes no key that is built from it",
    ],
    [
      "changes a routing value's type",
      { routing: { slug: "[string]?" } },
      "events that were published before become dead letters",
    ],
  ])("warns, for services whose manifests are elsewhere, of an event that %s", (_, change, hazard) => {
    const set = ({ type = "ThingChanged", ...event }: { type?: string; [said: string]: unknown }) =>
      compile(
        [
          {
            file: "things.yaml",
            manifest: parseManifest(
              { freshet: 1, service: "things", publishes: { [type]: event } },
              "things.yaml",
            ),
          },
        ],
        {},
      );
    const thing = {
      entity: "thing",
      topic: "thing.events.v1",
      fields: ["displayName", "teamIds"],
      routing: { slug: "string" },
    };
    const hazards = diff(set(thing), set({ ...thing, ...change })).flatMap((one) => one.hazard ?? []);
    expect(hazards.map((text) => text.split(":")[0])).toEqual([hazard]);
    expect(diff(set(thing), set({ ...thing, fields: [...thing.fields, "size"] }))[0]?.hazard).toBeUndefined();
  });
});

import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  defineChangeEvent,
  defineManifest,
  defineView,
  FreshetError,
  on,
  parseManifest,
  parsePools,
  tag,
} from "./index.ts";
import { exampleManifest, examplePools } from "./manifest-mend.ts";
import { manifestSchema, poolsSchema } from "./manifest.ts";

const publishes = {
  ProfileChanged: {
    entity: "profile",
    topic: "profile.events.v1",
    fields: ["handle"],
    routing: { handle: "string", teamIds: ["string"], badges: "[integer]?" },
  },
};
const view = {
  key: "v:{id}",
  pool: "p",
  dependsOn: [{ event: "ProfileChanged", params: { id: "subject" } }],
};

function manifest(part: Record<string, unknown>): unknown {
  return { freshet: 1, service: "profile-service", publishes, views: { v: view }, ...part };
}

function problemsOf(parse: () => unknown): unknown {
  try {
    parse();
  } catch (error) {
    if (error instanceof FreshetError) return error.details.problems;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** The names of all fields within data, or within what a JSON Schema describes. */
function fieldsOf(of: unknown, isSchema: boolean): string[] {
  if (typeof of !== "object" || of === null) return [];
  const own =
    isSchema && "properties" in of ? (of.properties ?? {}) : isSchema || Array.isArray(of) ? {} : of;
  return [...Object.keys(own), ...Object.values(of).flatMap((next) => fieldsOf(next, isSchema))];
}

describe("the example that a mistake is told by", () => {
  it.each([
    ["a manifest", manifestSchema, exampleManifest],
    ["pools", poolsSchema, examplePools],
  ])("of %s is right, and has every field", (_, schema, example) => {
    expect(schema.safeParse(example).error).toBeUndefined();
    const fields = fieldsOf(z.toJSONSchema(schema, { io: "input" }), true);
    expect(fields.length).toBeGreaterThan(5);
    expect(fields.filter((field) => !fieldsOf(example, false).includes(field))).toEqual([]);
  });

  it.each([
    [{ views: { w: 5 } }, /^views: \{team_directory: \{key: "team_directory:\{teamId\}", /],
    [{ views: { v: { ...view, pool: undefined } } }, /^pool: "teams"$/],
    [{ views: { v: { ...view, ttlSeconds: 0 } } }, /^ttlSeconds: 3600$/],
    [{ views: { v: { ...view, formerKeys: [""] } } }, /^formerKeys: \["team_dir:\{teamId\}"\]$/],
    [
      { views: { v: { ...view, dependsOn: [{ event: "A", params: { id: "a.b" } }] } } },
      /^params: \{teamId: "teamIds\[\]"\}$/,
    ],
    [{ publishes: { "1": publishes.ProfileChanged } }, /^publishes: \{ProfileChanged: \{entity: "profile", /],
  ])("of %j is the field that is wrong", (part, example) => {
    const [problem] = problemsOf(() => parseManifest(manifest(part), "a.yaml")) as { mend: string }[];
    expect(problem?.mend.replace("write it as in ", "")).toMatch(example);
  });
});

describe("a manifest", () => {
  it("is filled up with what it leaves out", () => {
    expect(parseManifest(manifest({}), "a.yaml").views["v"]).toEqual({
      ...view,
      ttlSeconds: 3_600,
      derivedFrom: [],
      tags: [],
      onChange: "delete",
      formerKeys: [],
    });
  });

  it("may write a list's type as YAML lists are written", () => {
    expect(parseManifest(manifest({}), "a.yaml").publishes["ProfileChanged"]?.routing).toEqual({
      handle: "string",
      teamIds: "[string]",
      badges: "[integer]?",
    });
  });

  it.each([
    ["service", { service: "Profile Service" }],
    ["freshet", { freshet: 2 }],
    ["(the file)", { view: {} }],
    ["views.v.pool", { views: { v: { ...view, pool: "" } } }],
    ["views.v.ttlSeconds", { views: { v: { ...view, ttlSeconds: 1_296_001 } } }],
    ["views.v.onChange", { views: { v: { ...view, onChange: "keep" } } }],
    ["views.v.onChange.refresh", { views: { v: { ...view, onChange: { refresh: "//host/path" } } } }],
    ["views.v.onChange.refresh", { views: { v: { ...view, onChange: { refresh: "/a?b=c" } } } }],
    [
      "views.v.dependsOn.0.params.id",
      { views: { v: { ...view, dependsOn: [{ event: "A", params: { id: "a.b" } }] } } },
    ],
    [
      "views.v.dependsOn.0.fields",
      { views: { v: { ...view, dependsOn: [{ event: "A", params: {}, fields: [] }] } } },
    ],
    ["views.V", { views: { V: view } }],
    ["views.__proto__", { views: JSON.parse(`{ "__proto__": ${JSON.stringify(view)} }`) as object }],
    ["publishes.A.topic", { publishes: { A: { ...publishes.ProfileChanged, topic: "profiles" } } }],
    ["publishes.A.routing.x", { publishes: { A: { ...publishes.ProfileChanged, routing: { x: "float" } } } }],
    [
      "publishes.A.routing.x",
      { publishes: { A: { ...publishes.ProfileChanged, routing: { x: ["integer", "string"] } } } },
    ],
    [
      "publishes.A.routing.subject",
      { publishes: { A: { ...publishes.ProfileChanged, routing: { subject: "string" } } } },
    ],
  ])("is refused naming %s", (path, part) => {
    expect(problemsOf(() => parseManifest(manifest(part), "a.yaml"))).toMatchObject([
      { file: "a.yaml", path },
    ]);
  });

  it("is told which values there are to choose from", () => {
    const keep = { ...view, onChange: "keep" };
    const float = { ...publishes.ProfileChanged, routing: { x: "float" } };
    expect(
      problemsOf(() => parseManifest(manifest({ views: { v: keep }, publishes: { A: float } }), "a.yaml")),
    ).toMatchObject([
      { problem: "must be string, integer, [string] or [integer], with ? behind it where it is optional" },
      { problem: "must be delete or { refresh: <path> }" },
    ]);
  });

  it("is refused with every problem at once, each with how to mend it", () => {
    const problems = problemsOf(() => parseManifest({ freshet: 1, service: "A", extra: 1 }, "a.yaml"));
    expect(problems).toEqual([
      {
        file: "a.yaml",
        path: "service",
        problem: expect.any(String) as unknown,
        mend: 'write it as in service: "profile-service"',
      },
      {
        file: "a.yaml",
        path: "(the file)",
        problem: 'Unrecognized key: "extra"',
        mend: "remove it, correct its name, or upgrade what reads it first: this version of Freshet reads freshet: 1 without it",
      },
    ]);
  });

  it("is refused as a whole when a later version wrote it, and told what is to be upgraded", () => {
    const later = { ...view, hideFrom: ["search"] };
    expect(problemsOf(() => parseManifest(manifest({ views: { v: later } }), "a.yaml"))).toMatchObject([
      {
        path: "views.v",
        problem: 'Unrecognized key: "hideFrom"',
        mend: expect.stringMatching(/^remove.*upgrade/) as unknown,
      },
    ]);
    expect(problemsOf(() => parseManifest(manifest({ freshet: 2 }), "a.yaml"))).toMatchObject([
      { path: "freshet", mend: "upgrade what reads it first: this version of Freshet reads freshet: 1" },
    ]);
  });

  it("says the same whether it was written in TypeScript or in YAML", () => {
    const ProfileChanged = defineChangeEvent({
      type: "ProfileChanged",
      entity: "profile",
      topic: "profile.events.v1",
      fields: ["handle", "displayName"],
      routing: z.object({ handle: z.string(), teamIds: z.array(z.string()) }),
    });
    const value = z.object({});
    const profile = defineView({
      name: "user_profile",
      key: "user_profile:{profileId}",
      pool: "profiles",
      value,
      ttlSeconds: 60,
      dependsOn: [on(ProfileChanged, { profileId: "subject" })],
      onChange: { refresh: "/internal/views/user_profile" },
      formerKeys: ["profile:{profileId}"],
    });
    const page = defineView({
      name: "page",
      key: "page:{profileId}",
      pool: "pages",
      value,
      derivedFrom: [profile],
    });
    const search = defineView({
      name: "search",
      key: "search:{query}",
      pool: "search",
      value,
      tags: [
        tag("search:profiles", ProfileChanged, { params: {}, fields: ["displayName"] }),
        tag("team:{id}", ProfileChanged, { params: { id: "teamIds[]" }, members: true }),
      ],
    });
    expect(
      defineManifest({
        service: "profile-service",
        publishes: [ProfileChanged],
        views: [profile, page, search],
      }),
    ).toEqual(
      parseManifest(
        {
          freshet: 1,
          service: "profile-service",
          publishes: {
            ProfileChanged: {
              entity: "profile",
              topic: "profile.events.v1",
              fields: ["handle", "displayName"],
              routing: { handle: "string", teamIds: ["string"] },
            },
          },
          views: {
            user_profile: {
              key: "user_profile:{profileId}",
              pool: "profiles",
              ttlSeconds: 60,
              dependsOn: [{ event: "ProfileChanged", params: { profileId: "subject" } }],
              onChange: { refresh: "/internal/views/user_profile" },
              formerKeys: ["profile:{profileId}"],
            },
            page: { key: "page:{profileId}", pool: "pages", derivedFrom: ["user_profile"] },
            search: {
              key: "search:{query}",
              pool: "search",
              tags: [
                { tag: "search:profiles", event: "ProfileChanged", fields: ["displayName"] },
                { tag: "team:{id}", event: "ProfileChanged", params: { id: "teamIds[]" }, members: true },
              ],
            },
          },
        },
        "a.yaml",
      ),
    );
    expect(() => defineManifest({ service: "s", publishes: [], views: [page, page] })).toThrow(
      "page is defined twice",
    );
  });
});

describe("pools", () => {
  it("take what they leave out from the safe side", () => {
    expect(parsePools({ freshet: 1, pools: { p: { nodes: ["a:11211"] } } }, "pools.yaml")).toEqual({
      p: { nodes: ["a:11211"], previousNodes: [], nodeOf: "ketama", onGap: "alarm", dedicated: false },
    });
  });

  it.each([
    ["pools.p.nodes", { nodes: [] }],
    ["pools.p.nodes.0", { nodes: ["a"] }],
    ["pools.p.nodes.0", { nodes: ["a:1,b:2"] }],
    ["pools.p.onGap", { nodes: ["a:1"], onGap: "flush" }],
    ["pools.p.nodeOf", { nodes: ["a:1"], nodeOf: "random" }],
  ])("are refused naming %s", (path, pool) => {
    const parse = (): unknown => parsePools({ freshet: 1, pools: { p: pool } }, "pools.yaml");
    expect(problemsOf(parse)).toMatchObject([{ file: "pools.yaml", path }]);
  });
});

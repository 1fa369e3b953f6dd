import { parseManifest, poolsSchema } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { compile } from "./compile.ts";
import { violationsOf } from "./conform.ts";
import { verifyPublisher } from "./verify-publisher.ts";
import { VersionWatch } from "./version-watch.ts";

const manifest = parseManifest(
  {
    freshet: 1,
    service: "profiles",
    publishes: {
      ProfileChanged: {
        entity: "profile",
        topic: "profile.events.v1",
        fields: ["displayName", "teamIds"],
        routing: { teamIds: ["string"], nick: "string?", unused: "integer" },
      },
      Paired: {
        entity: "pair",
        topic: "pair.events.v1",
        fields: ["x"],
        routing: { ids: ["integer"] },
      },
      Plain: { entity: "plain", topic: "plain.events.v1", fields: ["x"], routing: {} },
    },
    views: {
      team_directory: {
        key: "team_directory:{teamId}",
        pool: "p",
        dependsOn: [{ event: "ProfileChanged", params: { teamId: "teamIds[]" } }],
      },
      team_page: { key: "team_page:{teamId}", pool: "p", derivedFrom: ["team_directory"] },
      pairs: {
        key: "pair:{a}:{b}",
        pool: "p",
        dependsOn: [{ event: "Paired", params: { a: "ids[]", b: "ids[]" } }],
      },
      by_nick: {
        key: "by_nick:{nick}",
        pool: "p",
        dependsOn: [{ event: "ProfileChanged", params: { nick: "nick" } }],
      },
    },
  },
  "profiles.yaml",
);
const graph = compile(
  [{ file: "profiles.yaml", manifest }],
  poolsSchema.parse({ freshet: 1, pools: { p: { nodes: ["a:1"] } } }).pools,
);

const side = { teamIds: ["t1"], nick: "ada", unused: 1 };

function event(data: object, type = "ProfileChanged") {
  const whole = {
    version: 1,
    change: "updated" as const,
    changedFields: ["teamIds"],
    before: side,
    after: side,
  };
  return {
    specversion: "1.0" as const,
    id: "e-1",
    source: "s",
    type,
    subject: "42",
    data: { ...whole, ...data },
  };
}

describe("violationsOf", () => {
  it.each<[string, object, string[]]>([
    ["everything is there", {}, []],
    ["an optional value is left out of a side", { before: { teamIds: [], unused: 1 } }, []],
    ["it is created and has no before", { change: "created", before: null }, []],
    ["it is deleted and has no after", { change: "deleted", after: null }, []],
    [
      "a list that two views need is left out",
      { before: { nick: "ada", unused: 1 } },
      ["missing_before: team_directory, team_page need before.teamIds, which you do not send"],
    ],
    [
      "a whole side is left out, the optional value of a view with it",
      { before: null },
      [
        "missing_before: team_directory, team_page need before.teamIds, which you do not send",
        "missing_before: by_nick needs before.nick, which you do not send",
        "missing_before: the manifest of profiles promises before.unused, which you do not send",
      ],
    ],
    [
      "after is left out of a creation",
      { change: "created", before: null, after: { ...side, teamIds: undefined } },
      ["missing_after: team_directory, team_page need after.teamIds, which you do not send"],
    ],
    [
      "a value is of another type",
      { after: { ...side, teamIds: "t1" } },
      ["wrong_routing: team_directory, team_page need after.teamIds to be [string]"],
    ],
    [
      "a field is announced that the manifest does not name",
      { changedFields: ["teamIds", "shoeSize"] },
      ["unknown_field: changedFields names shoeSize, which the manifest of profiles does not"],
    ],
  ])("says what is wrong when %s", (_, data, expected) => {
    expect(violationsOf(graph, event(data)).map(({ code, says }) => `${code}: ${says}`)).toEqual(expected);
  });

  it("names a type that nobody publishes, and one in a foreign topic", () => {
    expect(violationsOf(graph, event({}, "Other"))).toMatchObject([{ code: "unknown_type" }]);
    const plain = event({ changedFields: ["x"], before: null, after: null }, "Plain");
    expect(violationsOf(graph, plain, "plain.events.v1")).toEqual([]);
    expect(violationsOf(graph, plain, "profile.events.v1")).toEqual([
      { code: "wrong_topic", says: "Plain belongs in plain.events.v1" },
    ]);
  });

  it("names an event that expands to too many keys, without its values", () => {
    const ids = Array.from({ length: 3_200 }, (_, n) => n);
    const paired = event({ change: "created", before: null, after: { ids } }, "Paired");
    expect(violationsOf(graph, paired)).toEqual([
      { code: "too_many_keys", says: "pool p: it expands to more than 10000000 keys" },
    ]);
  });
});

describe("VersionWatch", () => {
  const watch = (most: number, ...events: [id: string, subject: string, version: number][]) => {
    const versions = new VersionWatch(most);
    const seen = events.map(([id, subject, version]) => versions.see({ ...event({ version }), id, subject }));
    return { seen, forgotten: versions.forgotten };
  };

  it.each<[string, [string, string, number][], string[]]>([
    [
      "versions rise, with gaps",
      [
        ["a", "1", 1],
        ["b", "1", 5],
      ],
      ["first", "rises"],
    ],
    [
      "another entity's version is no concern",
      [
        ["a", "1", 9],
        ["b", "2", 1],
      ],
      ["first", "first"],
    ],
    [
      "a batch that is sent again is no fall",
      [
        ["a", "1", 1],
        ["b", "1", 2],
        ["a", "1", 1],
        ["b", "1", 2],
        ["c", "1", 3],
      ],
      ["first", "rises", "duplicate", "duplicate", "rises"],
    ],
    [
      "a lower version of a new event falls",
      [
        ["a", "1", 2],
        ["b", "1", 1],
        ["c", "1", 2],
      ],
      ["first", "falls", "repeats"],
    ],
  ])("%s", (_, events, expected) => {
    expect(watch(100, ...events).seen).toEqual(expected);
  });

  it("forgets in bounded memory, and says so", () => {
    expect(watch(1, ["a", "1", 5], ["b", "2", 1], ["c", "1", 4])).toEqual({
      seen: ["first", "first", "first"],
      forgotten: 2,
    });
  });
});

describe("verifyPublisher", () => {
  it("says of each sample what a view needs, and which changes nobody sampled", () => {
    const samples = [
      event({ before: { nick: "ada", unused: 1 }, version: 2 }),
      { ...event({ version: 1 }), id: "e-2" },
      { no: "event" },
      undefined,
    ];
    expect(verifyPublisher(samples, graph)).toEqual({
      ok: false,
      samples: [
        {
          index: 1,
          type: "ProfileChanged",
          subject: "42",
          violations: [
            {
              code: "missing_before",
              says: "team_directory, team_page need before.teamIds, which you do not send",
            },
          ],
        },
        {
          index: 2,
          type: "ProfileChanged",
          subject: "42",
          violations: [{ code: "falling_version", says: expect.stringContaining("lower") as string }],
        },
        {
          index: 3,
          type: undefined,
          subject: undefined,
          violations: [{ code: "not_a_cloudevent", says: expect.any(String) as string }],
        },
        {
          index: 4,
          type: undefined,
          subject: undefined,
          violations: [{ code: "not_a_cloudevent", says: expect.any(String) as string }],
        },
      ],
      notSampled: [{ type: "ProfileChanged", changes: ["created", "deleted"] }],
    });
  });

  it("takes samples of all kinds of change that have what the views need", () => {
    const kinds = [
      event({ change: "created", before: null, version: 1 }),
      { ...event({ version: 2 }), id: "e-2" },
      { ...event({ change: "deleted", after: null, version: 3 }), id: "e-3" },
    ];
    expect(verifyPublisher(kinds, graph)).toMatchObject({ ok: true, notSampled: [] });
  });
});

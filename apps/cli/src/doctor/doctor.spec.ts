import { poolsSchema } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { wrong } from "../../../../test/support/findings.ts";
import { judgeBrokerClock, judgeClock } from "./clocks.ts";
import { checked } from "./finding.ts";
import { judgeGroups } from "./groups.ts";
import { judgeNode } from "./memcached.ts";
import { judgeTopologies, judgeVariables, listsOf } from "./node-lists.ts";
import { type DatabaseFacts, judgeDatabase } from "./postgres.ts";
import { judgeNodeVersion } from "./versions.ts";

describe("node lists", () => {
  const { pools } = poolsSchema.parse({
    freshet: 1,
    pools: { p: { nodes: ["a:1", "b:1"], previousNodes: [["a:1", "c:1"]] } },
  });
  const [list] = listsOf(pools, {});
  const { topology = "", previous: [earlier = ""] = [] } = list ?? {};

  it("are one where everybody names the same nodes, in any order", () => {
    const [other] = listsOf(pools, { MEMCACHED_P: "b:1,a:1" });
    expect(other?.topology).toBe(topology);
    expect(list).toMatchObject({ nodes: ["a:1", "b:1"], former: ["c:1"] });
    expect(wrong(judgeTopologies([list ?? fail()], [{ pool: "p", topology, by: "x" }]))).toEqual([]);
  });

  it("that differ are a problem, an earlier one a warning", () => {
    const seen = [
      { pool: "p", topology: "0badc0de", by: "http://reader" },
      { pool: "p", topology: earlier, by: "commits of g" },
      { pool: "q", topology: "0badc0de", by: "another pool" },
    ];
    expect(wrong(judgeTopologies([list ?? fail()], seen))).toEqual([
      expect.stringMatching(
        /^problem pool p: http:\/\/reader: 0badc0de.*→ give both the same MEMCACHED_P /,
      ) as string,
      expect.stringMatching(/^warning pool p: commits of g: still .*an earlier list/) as string,
    ]);
  });

  it("in a variable that no pool bears the name of are found", () => {
    const environment = {
      MEMCACHED_P: "a:1",
      MEMCACHED_P_PREVIOUS: "c:1",
      MEMCACHED_PROFILE: "a:1",
      MEMCACHED_X: "",
    };
    expect(wrong(judgeVariables(pools, environment))).toEqual([
      "warning MEMCACHED_PROFILE: no pool of pools.yaml bears this name: nobody reads this variable → name one of MEMCACHED_P, or remove it",
    ]);
  });
});

describe("judgeNode", () => {
  const facts = { version: "1.6.18", settings: new Map([["flush_enabled", "no"]]) };

  it.each<[string, typeof facts, boolean, string[]]>([
    ["1.6 is enough", facts, false, []],
    ["1.5 is too old", { ...facts, version: "1.5.22" }, false, ["it is memcached 1.5.22"]],
    [
      "a dedicated node must take flush_all",
      facts,
      true,
      ["the pool is dedicated, and this node refuses flush_all"],
    ],
  ])("%s", (_, of, dedicated, expected) => {
    const found = wrong(judgeNode("n:1", of, { pool: "p", dedicated }));
    expect(found).toEqual(expected.map((text) => expect.stringContaining(text) as string));
  });
});

describe("judgeDatabase", () => {
  const facts: DatabaseFacts = {
    versionNumber: 180_004,
    skewMs: 3,
    toleranceMs: 2,
    outbox: { rows: 2, oldestSeconds: 0.1 },
    dead: 0,
  };

  it.each<[string, Partial<DatabaseFacts>, string[]]>([
    ["all is well", {}, []],
    ["it is too old", { versionNumber: 120_022 }, ["it is PostgreSQL 12"]],
    ["its clock is ahead", { skewMs: 5_000 }, ["at least 4998 ms ahead of ours"]],
    ["it has no outbox", { outbox: undefined }, ["it has no outbox_events"]],
    ["nobody publishes", { outbox: { rows: 9, oldestSeconds: 300 } }, ["9 rows wait, the oldest for 5 min"]],
    ["Kafka refuses rows", { dead: 1 }, ["Kafka has refused 1 row for good"]],
  ])("finds that %s", (_, change, expected) => {
    const found = wrong(judgeDatabase("db", { ...facts, ...change }));
    expect(found).toEqual(expected.map((text) => expect.stringContaining(text) as string));
  });
});

describe("clocks", () => {
  it("count as different only where the difference is more than the question took", () => {
    expect(judgeClock("x", -1_800, 1_500).level).toBe("ok");
    expect(judgeClock("x", -3_000, 1_500)).toMatchObject({
      level: "warning",
      says: "at least 1500 ms behind ours",
    });
  });

  it("of a broker that has appended in the future are ahead", () => {
    expect(judgeBrokerClock(10_000, 5_000)).toMatchObject({
      level: "warning",
      says: "at least 5000 ms ahead of ours",
    });
    expect(judgeBrokerClock(5_000, 10_000).level).toBe("ok");
    expect(judgeBrokerClock(undefined, 10_000)).toMatchObject({
      level: "ok",
      says: expect.stringContaining("can't be told") as string,
    });
  });
});

describe("judgeGroups", () => {
  const member = { memberId: "m", clientId: "c", host: "h", partitions: [{ topic: "t", partition: 0 }] };
  const at = {
    topic: "t",
    partition: 0,
    low: 0n,
    high: 5n,
    committed: 5n,
    lag: 0n,
    oldestMs: undefined,
    verdict: undefined,
  };
  const metadata = { topo: "ab12cd34", ts: 1, miss: {} };
  const group = { groupId: "freshet.local.p", state: "Stable", members: [member] };
  const judge = (change: object, partition: object = {}) =>
    judgeGroups(
      [{ pool: "p", group, missingTopics: [], partitions: [{ ...at, metadata, ...partition }], ...change }],
      { declared: ["p"], nowMs: 1_000_000 },
    );

  it.each<[string, object, object, string[]]>([
    ["nothing", {}, {}, []],
    ["that nobody reads", { group: { ...group, members: [], state: "Empty" } }, {}, ["nobody reads for"]],
    ["that somebody else has moved it", {}, { metadata: undefined }, ["somebody else committed 5 for t/0"]],
    [
      "that a node owes deletions",
      {},
      { metadata: { ...metadata, miss: { "n:1": 3n } } },
      ["n:1 has missed deletions"],
    ],
    ["that no manifest knows its pool", { pool: "q" }, {}, ["no manifest has a pool q"]],
    [
      "that it is late",
      {},
      { committed: 1n, lag: 4n, oldestMs: 700_000 },
      ["4 messages behind, the oldest 5 min"],
    ],
  ])("finds %s", (_, change, partition, expected) => {
    expect(wrong(judge(change, partition))).toEqual(
      expected.map((text) => expect.stringContaining(text) as string),
    );
  });
});

it("a check that fails is a problem of its own, with its remedy", async () => {
  const found = await checked("Kafka", "b:1", () => {
    throw new TypeError("defect");
  });
  expect(found).toMatchObject([{ check: "Kafka", of: "b:1", level: "problem", says: "defect" }]);
});

it("knows which Node.js is too old", () => {
  expect(judgeNodeVersion("v20.18.3", "1").level).toBe("problem");
  expect(judgeNodeVersion("v20.19.0", "1").level).toBe("ok");
  expect(judgeNodeVersion("v24.1.0", "1").level).toBe("ok");
});

function fail(): never {
  throw new Error("the pool has no list");
}

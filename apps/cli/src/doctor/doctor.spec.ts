import { poolsSchema } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import type { TopicDescription } from "@freshet/kafka";
import { describe, expect, it } from "vitest";
import { judgeBrokerClock, judgeClock } from "./clocks.ts";
import { checked, type Finding } from "./finding.ts";
import { judgeGroups } from "./groups.ts";
import { judgeNode } from "./memcached.ts";
import { judgeTopologies, judgeVariables, listsOf } from "./node-lists.ts";
import { type DatabaseFacts, judgeDatabase } from "./postgres.ts";
import { judgeService, parseSamples, topologiesOf } from "./services.ts";
import { judgeTopics, type TopicWish } from "./topics.ts";
import { judgeNodeVersion } from "./versions.ts";

/** What is wrong, as `level of: says → mend`. */
function wrong(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ level }) => level !== "ok")
    .map(({ level, of, says, mend }) => `${level} ${of}: ${says} → ${String(mend)}`);
}

const hour = 3_600_000;
const day = 24 * hour;

const wish: TopicWish = {
  spec: { topic: "t", retentionMs: 7 * day },
  longestHardTtlSeconds: 3_960,
  partitionsNamed: false,
};

function topic(
  name: string,
  settings: Record<string, string> = {},
  change: Partial<TopicDescription["partitions"][number]> = {},
  partitions = 12,
): TopicDescription {
  const config = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": String(7 * day),
    "retention.bytes": "-1",
    "min.insync.replicas": "1",
    "max.message.bytes": name.endsWith(".dlt") ? "1114124" : "1048588",
    ...settings,
  };
  return {
    topic: name,
    partitions: Array.from({ length: partitions }, (_, partition) => ({
      partition,
      leader: 1,
      replicas: 1,
      inSync: 1,
      ...change,
    })),
    config: new Map(Object.entries(config)),
  };
}

describe("judgeTopics", () => {
  it("finds nothing wrong with what `topics ensure` makes", () => {
    const found = judgeTopics([wish], [topic("t"), topic("t.dlt")], 1);
    expect(found.map(({ level, of }) => [level, of])).toEqual([
      ["ok", "t"],
      ["ok", "t.dlt"],
    ]);
  });

  const altered = (name: string, setting: string) =>
    new RegExp(`kafka-configs .* --entity-name ${name} --add-config ${setting}$`);

  it.each<[string, TopicDescription[], number, (string | RegExp)[]]>([
    [
      "both are missing",
      [],
      1,
      [/^problem t: it is not there → .*topics ensure/, /^problem t\.dlt: it is not there/],
    ],
    [
      "records bear their publisher's time",
      [topic("t", { "message.timestamp.type": "CreateTime" }), topic("t.dlt")],
      1,
      [altered("t", "message.timestamp.type=LogAppendTime")],
    ],
    [
      "it is compacted",
      [topic("t", { "cleanup.policy": "compact" }), topic("t.dlt")],
      1,
      [altered("t", "cleanup.policy=delete")],
    ],
    [
      "retention is not longer than a value lives",
      [topic("t", { "retention.ms": "3960000" }), topic("t.dlt")],
      1,
      [/^problem t: retention\.ms is 3960000 .*values live up to 66 min.*retention\.ms=604800000$/],
    ],
    [
      "retention is shorter than planned",
      [topic("t", { "retention.ms": String(day) }), topic("t.dlt")],
      1,
      [/^warning t: retention\.ms/],
    ],
    [
      "many events shorten the retention",
      [topic("t", { "retention.bytes": "1000" }), topic("t.dlt")],
      1,
      [/^warning t: retention\.bytes/],
    ],
    [
      "it has other partitions than planned",
      [topic("t", {}, {}, 3), topic("t.dlt")],
      1,
      [/^warning t: it has 3 partitions, 12 are planned → say --partitions 3/],
    ],
    [
      "nobody leads",
      [topic("t", {}, { leader: undefined }, 12), topic("t.dlt")],
      1,
      [/^problem t: nobody leads partition 0, 1/],
    ],
    [
      "a copy is behind",
      [topic("t", { "min.insync.replicas": "2" }, { replicas: 3, inSync: 2 }), topic("t.dlt")],
      3,
      [/^warning t: partition 0, .* fewer copies in sync/],
    ],
    [
      "it has one copy among three brokers",
      [topic("t"), topic("t.dlt")],
      3,
      [/^warning t: one copy only, with 3 brokers/],
    ],
    [
      "one broker's word is enough",
      [topic("t", {}, { replicas: 3, inSync: 3 }), topic("t.dlt")],
      3,
      [/^warning t: 3 copies, but min\.insync\.replicas is 1/],
    ],
    [
      "more copies must be in sync than there are",
      [topic("t", { "min.insync.replicas": "2" }), topic("t.dlt")],
      1,
      [/^problem t: min\.insync\.replicas is 2 with replication factor 1/],
    ],
    [
      "a letter may be larger than its topic takes",
      [topic("t"), topic("t.dlt", { "max.message.bytes": "1048588" })],
      1,
      [altered("t\\.dlt", "max.message.bytes=1114124")],
    ],
    [
      "letters are compacted",
      [topic("t"), topic("t.dlt", { "cleanup.policy": "compact" })],
      1,
      [altered("t\\.dlt", "cleanup.policy=delete")],
    ],
  ])("says what to mend when %s", (_, there, brokers, expected) => {
    const found = wrong(judgeTopics([wish], there, brokers));
    expect(found).toEqual(expected.map((each) => expect.stringMatching(each) as string));
  });

  it("takes a retention without end, and a number of partitions that was named", () => {
    const named = { ...wish, spec: { ...wish.spec, partitions: 3 }, partitionsNamed: true };
    const forEver = topic("t", { "retention.ms": "-1" }, {}, 3);
    expect(wrong(judgeTopics([named], [forEver, topic("t.dlt")], 1))).toEqual([]);
    expect(wrong(judgeTopics([named], [topic("t"), topic("t.dlt")], 1))).toEqual([
      expect.stringMatching(/^problem t: it has 12 partitions, 3 are planned/) as string,
    ]);
  });
});

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

describe("judgeService", () => {
  const graph = compile(
    [
      {
        file: "s.yaml",
        manifest: {
          freshet: 1,
          service: "s",
          publishes: {},
          views: {
            thing: {
              key: "thing",
              pool: "p",
              ttlSeconds: 60,
              dependsOn: [],
              derivedFrom: [],
              tags: [],
              onChange: "delete",
              formerKeys: [],
            },
          },
        },
      },
    ],
    poolsSchema.parse({ freshet: 1, pools: { p: { nodes: ["a:1"] } } }).pools,
  );
  const page = [
    "# HELP freshet_cache_reads_total reads",
    'freshet_cache_reads_total{view="thing",outcome="hit"} 3',
    'freshet_topology_info{pool="p",topology="ab12cd34"} 1',
    'other{view="not ours"} 1',
  ].join("\n");
  const facts = {
    url: "http://s",
    readiness: { httpStatus: 200, body: { status: "ok", checks: {} } },
    samples: parseSamples(page),
    status: undefined,
    skewMs: 0,
  };

  it("finds nothing wrong with one that is ready and caches what manifests declare", () => {
    expect(wrong(judgeService(facts, graph))).toEqual([]);
    expect(topologiesOf(facts)).toEqual([{ pool: "p", topology: "ab12cd34", by: "http://s" }]);
  });

  it("names the check that keeps it from being ready, and what is no app of ours", () => {
    const body = { status: "failing", checks: { kafka: { ok: false, detail: "away" }, other: { ok: true } } };
    expect(wrong(judgeService({ ...facts, readiness: { httpStatus: 503, body } }, graph))).toEqual([
      expect.stringContaining("not ready: kafka: away") as string,
    ]);
    expect(wrong(judgeService({ ...facts, readiness: { httpStatus: 404, body: "no" } }, graph))).toEqual([
      expect.stringContaining("answers 404, not as an app of Freshet does") as string,
    ]);
  });

  it("names a view that it caches and no manifest declares, and that it does not tell its node lists", () => {
    const samples = parseSamples('freshet_cache_reads_total{view="stray",outcome="hit"} 1');
    expect(wrong(judgeService({ ...facts, samples }, graph))).toEqual([
      expect.stringMatching(/^problem http:\/\/s: it caches stray, which no manifest declares/) as string,
      expect.stringMatching(/^warning http:\/\/s: it does not tell its node lists/) as string,
    ]);
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

import type { GroupPartitionLag, LagVerdict } from "@freshet/kafka";
import { describe, expect, it } from "vitest";
import { lagReport, type PoolFacts } from "./lag-report.ts";
import type { Problem } from "./problem.ts";

const nowMs = 1_000_000;

function partition(changes: Partial<GroupPartitionLag & { oldestMs: number; verdict: LagVerdict }> = {}) {
  const metadata = { topo: "ab12cd34", ts: 1, miss: {} };
  const at = { topic: "t", partition: 0, committed: 5n, metadata, low: 0n, high: 5n, lag: 0n };
  return { ...at, oldestMs: undefined, verdict: undefined, ...changes };
}

const member = { memberId: "m-1", clientId: "c", host: "h", partitions: [{ topic: "t", partition: 0 }] };

function pool(changes: Partial<PoolFacts> = {}): PoolFacts {
  return {
    pool: "p",
    group: { groupId: "freshet.local.p", state: "Stable", members: [member] },
    partitions: [partition()],
    missingTopics: [],
    ...changes,
  };
}

function report(facts: PoolFacts, maxSeconds?: number) {
  const { data, problem } = lagReport([facts], { deployment: "local", brokers: "b:1", nowMs, maxSeconds });
  const { pools, problems } = data as { pools: Record<string, unknown>[]; problems: Problem[] };
  return { pool: pools[0], problems: problems.map((of) => of.problem), problem };
}

describe("lagReport", () => {
  it("finds nothing wrong with a group that works, behind or not", () => {
    expect(report(pool())).toMatchObject({ problem: false, pool: { lagMessages: 0, lagSeconds: 0 } });
    const behind = pool({ partitions: [partition({ high: 9n, lag: 4n, oldestMs: nowMs - 2_500 })] });
    expect(report(behind)).toMatchObject({ problem: false, pool: { lagMessages: 4, lagSeconds: 2.5 } });
  });

  it("never takes an age that could not be read for none", () => {
    const { pool: found } = report(pool({ partitions: [partition({ high: 9n, lag: 4n })] }));
    expect(found).toMatchObject({ lagSeconds: null, partitions: [{ lagSeconds: null }] });
  });

  it("says which member has a partition, and null where nobody has", () => {
    const { pool: found } = report(pool({ partitions: [partition(), partition({ partition: 1 })] }));
    expect(found).toMatchObject({ partitions: [{ member: "m-1" }, { member: null }] });
  });

  it("gives the pool the worst verdict of its partitions, and null while there is none", () => {
    const partitions = [partition({ verdict: "stalled" }), partition({ partition: 1, verdict: "ok" })];
    expect(report(pool({ partitions }))).toMatchObject({
      problem: true,
      problems: ["stalled: t/0 does not move while messages wait"],
      pool: { verdict: "stalled", partitions: [{ verdict: "stalled" }, { verdict: "ok" }] },
    });
    expect(report(pool())).toMatchObject({ problem: false, pool: { verdict: null } });
  });

  it.each<[string, PoolFacts, string]>([
    [
      "nobody reads",
      pool({ group: { groupId: "freshet.local.p", state: "Empty", members: [] } }),
      "nobody reads for freshet.local.p (Empty)",
    ],
    ["a topic is missing", pool({ missingTopics: ["x.events.v1"] }), "there is no topic x.events.v1"],
    [
      "a node missed deletions",
      pool({ partitions: [partition({ metadata: { topo: "t", ts: 1, miss: { "n:1": 3n } } })] }),
      "n:1 has missed deletions (t/0 since 3)",
    ],
    [
      "every node did",
      pool({ partitions: [partition({ metadata: { topo: "t", ts: 1, miss: "*" } })] }),
      "every node has missed deletions (t/0 since an unknown offset)",
    ],
    [
      "somebody else committed",
      pool({ partitions: [partition({ metadata: undefined })] }),
      "somebody else committed 5 for t/0",
    ],
    [
      "the topic was made again",
      pool({ partitions: [partition({ high: 2n })] }),
      "t/0 ends at 2, before the committed 5: the topic was made again",
    ],
    [
      "the pool is paused",
      pool({ pausedSinceMs: 5_000 }),
      "it is paused since 1970-01-01T00:00:05.000Z: readers get old values",
    ],
    [
      "records were deleted unread",
      pool({ partitions: [partition({ low: 7n, high: 9n, lag: 2n })] }),
      "t/0 begins at 7: records from 5 on were deleted unread",
    ],
  ])("tells that %s", (_, facts, problem) => {
    expect(report(facts)).toMatchObject({ problem: true, problems: [problem] });
  });

  it("counts a pool as a problem when it is further behind than allowed, and not at the limit", () => {
    const facts = pool({ partitions: [partition({ high: 9n, lag: 4n, oldestMs: nowMs - 30_000 })] });
    expect(report(facts, 29)).toMatchObject({ problems: ["30 s behind, at most 29 s are allowed"] });
    expect(report(facts, 30)).toMatchObject({ problem: false });
  });
});

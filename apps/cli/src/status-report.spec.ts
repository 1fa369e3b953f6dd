import { describe, expect, it } from "vitest";
import type { Problem } from "./problem.ts";
import { readinessSchema, statusReport, statusSchema } from "./status-report.ts";
import { Terminal } from "./terminal.ts";

const well = {
  pool: "p",
  group: "freshet.local.p",
  state: "running",
  lagMessages: 0,
  lagSeconds: 0,
  partitions: [
    {
      topic: "t",
      partition: 0,
      phase: "reading",
      done: "5",
      high: "5",
      lagMessages: 0,
      lagSeconds: 0,
      failures: 0,
    },
  ],
  nodes: [{ node: "n:1", state: "up", missed: {} }],
  gaps: [],
  deadLetters: [],
};
const ready = { status: "ok", checks: { "consumer-p": { ok: true } } };

function problemsOf(changes: object, readiness: object = ready) {
  const status = statusSchema.parse({ service: "invalidator", pools: [{ ...well, ...changes }] });
  const { data, problem } = statusReport("http://i:1", status, readinessSchema.parse(readiness));
  const { problems } = data as { problems: Problem[] };
  return { problem, problems: problems.map((of) => of.problem) };
}

describe("statusReport", () => {
  it("finds nothing wrong with a pool that runs, dead letters of the past included", () => {
    expect(problemsOf({ deadLetters: [{ topic: "t", reason: "not_json", count: 2 }] })).toEqual({
      problem: false,
      problems: [],
    });
  });

  it("says of a paused pool first that it is paused", () => {
    const status = statusSchema.parse({ pools: [{ ...well, pausedSince: "then" }] });
    let text = "";
    const sink = { write: (more: string) => (text += more) };
    statusReport("http://i:1", status, readinessSchema.parse(ready)).print(new Terminal(sink, false));
    expect(text).toContain("pool p (freshet.local.p): paused since then, ");
    expect(text).not.toContain("running");
  });

  it("reads the status of an invalidator that tells less or more", () => {
    const { deadLetters, ...earlier } = well;
    expect(deadLetters).toEqual([]);
    expect(statusSchema.parse({ pools: [{ ...earlier, later: 1 }] }).pools[0]).toMatchObject({ later: 1 });
  });

  const gap = { topic: "t", partition: 0, reason: "recreated", since: "then", flushed: false };
  it.each<[string, object, string]>([
    ["crashed consumer", { state: "crashed" }, "the consumer of freshet.local.p has given up"],
    ["joining consumer", { state: "joining" }, "the consumer of freshet.local.p is joining"],
    [
      "failing batch",
      { partitions: [{ ...well.partitions[0], failures: 3 }] },
      "t/0 has failed 3 times in a row",
    ],
    ["node away", { nodes: [{ node: "n:1", state: "away", missed: { "t/0": "3" } }] }, "n:1 is away"],
    [
      "debt",
      { nodes: [{ node: "n:1", state: "up", missed: { "t/0": "3" } }] },
      "n:1 has missed deletions (t/0 since 3)",
    ],
    [
      "debt that can't be replayed",
      { nodes: [{ node: "n:1", state: "up", missed: { "t/1": "4" }, unreadable: ["t/1"] }] },
      "n:1 has missed deletions that can't be replayed any more (t/1 since 4): values may be old until their hard TTL has passed",
    ],
    [
      "node caught up",
      {
        nodes: [
          { node: "n:1", state: "catching-up", missed: { "t/0": "3" }, catchUp: { done: 5, left: 12 } },
        ],
      },
      "n:1 is caught up, 12 events to go",
    ],
    [
      "open gap",
      { gaps: [gap] },
      "gap in t/0 (recreated) since then: values may be old until their hard TTL has passed",
    ],
    [
      "stalled group of which this replica reads nothing",
      { wholeGroup: { state: "Stable", members: 2, lagMessages: 9, verdict: "stalled" } },
      "the whole group freshet.local.p is stalled",
    ],
  ])("tells of a %s", (_, changes, problem) => {
    expect(problemsOf(changes)).toEqual({ problem: true, problems: [problem] });
  });

  it("tells that changed manifests are refused", () => {
    const refused = { message: "s.yaml: views.v.pool: there is no pool q", since: "then" };
    const status = statusSchema.parse({ manifests: { hash: "ab12", refused }, pools: [well] });
    expect(statusReport("http://i:1", status, readinessSchema.parse(ready)).problem).toBe(true);
  });

  it("counts a gap that was flushed as mended, and a failing readiness as a problem", () => {
    expect(problemsOf({ gaps: [{ ...gap, flushed: true }] }).problem).toBe(false);
    const failing = { status: "failing", checks: { "consumer-p": { ok: false, detail: "guarding" } } };
    expect(problemsOf({}, failing).problem).toBe(true);
  });
});

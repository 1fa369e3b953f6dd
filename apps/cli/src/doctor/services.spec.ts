import { poolsSchema } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { describe, expect, it } from "vitest";
import { wrong } from "../../../../test/support/findings.ts";
import { judgeService, parseSamples, topologiesOf } from "./services.ts";

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

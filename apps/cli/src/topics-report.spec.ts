import { parseManifest, parsePools } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { expect, test } from "vitest";
import { topicSpecs } from "./topics-report.ts";

const dayMs = 86_400_000;

function graphOf(ttlSeconds: number) {
  const manifest = {
    freshet: 1,
    service: "s",
    publishes: {
      A: { entity: "a", topic: "a.events.v1", fields: ["x"], routing: {} },
      B: { entity: "b", topic: "b.events.v1", fields: ["x"], routing: {} },
    },
    views: {
      v: { key: "v:{id}", pool: "p", ttlSeconds, dependsOn: [{ event: "A", params: { id: "subject" } }] },
    },
  };
  const pools = { freshet: 1, pools: { p: { nodes: ["n:1"] } } };
  return compile(
    [{ file: "s.yaml", manifest: parseManifest(manifest, "s.yaml") }],
    parsePools(pools, "pools.yaml"),
  );
}

test("a topic keeps its events for 7 days, and for a day longer than any value that is built from them", () => {
  const retention = (ttlSeconds: number) =>
    topicSpecs(graphOf(ttlSeconds), {}).map(({ topic, retentionMs = 0 }) => [topic, retentionMs / dayMs]);
  expect(retention(3_600)).toEqual([
    ["a.events.v1", 7],
    ["b.events.v1", 7],
  ]);
  // 15 days, of which the hard TTL makes 16.5.
  expect(retention(1_296_000)).toEqual([
    ["a.events.v1", 18],
    ["b.events.v1", 7],
  ]);
});

test("what the operator asks for wins", () => {
  const [spec] = topicSpecs(graphOf(60), { partitions: 24, replicationFactor: 3, retentionDays: 30 });
  expect(spec).toEqual({
    topic: "a.events.v1",
    partitions: 24,
    replicationFactor: 3,
    retentionMs: 30 * dayMs,
  });
});

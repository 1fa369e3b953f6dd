import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Status } from "../operator/status.ts";
import { verdictOf } from "./files/verdict.js";
import type { Beat } from "./message.ts";

const root = new URL("../../../../", import.meta.url);
const atMs = Date.parse("2026-01-01T03:00:00.000Z");
type Node = Status["pools"][number]["nodes"][number];
const node: Node = { node: "cache-1:11211", state: "up", missed: {}, unreadable: [], catchUp: null };
const missed = { "t/0": "7" };
const healthy: Status["pools"][number] = {
  pool: "profiles",
  group: "freshet.local.profiles",
  state: "running",
  topics: ["profile.events.v1"],
  pausedSince: null,
  lagMessages: 0,
  lagSeconds: 0,
  partitions: [],
  wholeGroup: null,
  topology: "00000000",
  previousTopologies: [],
  nodes: [node],
  gaps: [],
  deadLetters: [],
};
const violation = (minutesAgo: number) => ({
  at: new Date(atMs - minutesAgo * 60_000).toISOString(),
  pool: "profiles",
  key: "user_profile:42",
  node: "cache-1:11211",
  cachedVersion: 1,
  committedVersion: 2,
  because: "",
});
const found = (minutesAgo: number): Beat["audit"] => ({
  known: true,
  views: [],
  violations: [violation(minutesAgo)],
});

function verdict(
  pool: Partial<typeof healthy>,
  { audit, outbox }: Partial<Pick<Beat, "audit" | "outbox">> = {},
) {
  const status: Status = {
    service: "invalidator",
    manifests: { hash: "0", refused: null },
    pools: [{ ...healthy, ...pool }],
  };
  const notKnown = { known: false, why: "" } as const;
  return verdictOf({ atMs, status, outbox: outbox ?? notKnown, audit: audit ?? notKnown });
}

test("nothing is wrong, and says so; what the auditor found an hour ago is no news", () => {
  expect(verdict({}).level).toBe("good");
  expect(verdict({}, { audit: found(60) }).level).toBe("good");
});

test.each<[string, ReturnType<typeof verdict>]>([
  ["cache-1:11211 is away", verdict({ nodes: [{ ...node, state: "away" }] })],
  [
    "cache-1:11211 has missed deletions that can't be replayed",
    verdict({ nodes: [{ ...node, missed, unreadable: ["t/0"] }] }),
  ],
  ["an event has waited 45", verdict({ lagSeconds: 45 })],
  ["a committed change has waited", verdict({}, { outbox: { known: true, oldestAgeSeconds: 60, rows: 3 } })],
  ["the auditor found an old value of user_profile:42", verdict({}, { audit: found(1) })],
])("%s is bad, and names a document that says what to do", (text, { level, text: said }) => {
  expect(level).toBe("bad");
  expect(said.toLowerCase()).toContain(text.toLowerCase());
  const [, runbook = ""] = /What to do: (docs\/runbooks\/[\w-]+\.md)$/.exec(said) ?? [];
  expect(existsSync(fileURLToPath(new URL(runbook, root)))).toBe(true);
});

test("a node that is about to catch up is no alarm", () => {
  expect(verdict({ nodes: [{ ...node, missed }] }).level).toBe("warn");
});

test("each problem has a line of its own, the worst first", () => {
  const { text } = verdict({ lagSeconds: 45, nodes: [{ ...node, state: "catching-up" }] });
  expect(text.split("\n").map((line) => line.slice(0, 31))).toEqual([
    "Pool profiles: an event has wai",
    "Pool profiles: cache-1:11211 is",
  ]);
});

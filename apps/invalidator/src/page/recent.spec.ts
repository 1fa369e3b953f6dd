import type { ChangeEvent } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { bySubject, graphOf } from "../../../../test/support/profile-graph.ts";
import { invalidationsOf } from "./invalidations.ts";
import { RecentBatches } from "./recent.ts";

const views = {
  user_profile: {
    key: "user_profile:{profileId}",
    dependsOn: bySubject,
    onChange: { refresh: "/internal/views/user_profile" },
  },
  by_handle: {
    key: "by_handle:{handle}",
    dependsOn: [{ event: "ProfileChanged", params: { handle: "handle" } }],
  },
};
const graph = graphOf(views, { handle: "string" });
const writtenMs = Date.parse("2026-11-22T20:00:00.000Z");

function changed(subject: string): ChangeEvent {
  return {
    specversion: "1.0",
    id: `event-${subject}`,
    source: "profile-service",
    type: "ProfileChanged",
    subject,
    time: new Date(writtenMs).toISOString(),
    data: { version: 7, change: "created", before: null, after: { handle: `h-${subject}` } },
  };
}

function batch(subjects: readonly string[], parts: { refreshed?: string[]; missed?: string[] } = {}) {
  const { refreshed = [], missed = [] } = parts;
  const counts = (nodes: readonly string[]) => new Map(nodes.map((node) => [node, 1]));
  return {
    topic: "profile.events.v1",
    partition: 0,
    graph,
    goneAtMs: writtenMs + 23,
    execution: { deleted: new Map(), refreshed: counts(refreshed), missed: counts(missed), renewals: [] },
    events: subjects.length,
    shown: subjects.map(changed),
  };
}

describe("the ring of recent batches", () => {
  it("holds the last ones, the oldest first, and answers those after a position", () => {
    const ring = new RecentBatches(3);
    for (const subject of ["a", "b", "c", "d"]) ring.add(batch([subject]));
    const subjects = (from: number) => ring.since(from).map(({ shown }) => shown[0]?.subject);
    expect(subjects(0)).toEqual(["b", "c", "d"]);
    expect(subjects(3)).toEqual(["d"]);
    expect(subjects(ring.position)).toEqual([]);
    expect(ring.until(3).map(({ shown }) => shown[0]?.subject)).toEqual(["b", "c"]);
  });
});

describe("what the page shows of a batch", () => {
  const rowsOf = (added: ReturnType<typeof batch>) => {
    const ring = new RecentBatches();
    ring.add(added);
    return ring
      .since(0)
      .flatMap((held) =>
        invalidationsOf("profiles", held, (key) => [key.startsWith("by_handle") ? "cache-2" : "cache-1"]),
      );
  };

  it("is each key with its node, its event and the time from the row to its end", () => {
    const event = { pool: "profiles", event: "ProfileChanged", subject: "42", version: 7, goneMs: 23 };
    expect(rowsOf(batch(["42"], { refreshed: ["cache-1"] }))).toEqual([
      { ...event, atMs: writtenMs + 23, key: "user_profile:42", node: "cache-1", action: "refresh" },
      { ...event, atMs: writtenMs + 23, key: "by_handle:h-42", node: "cache-2", action: "delete" },
    ]);
  });

  it("says owed for a node that did not acknowledge, and delete where nothing was refreshed", () => {
    expect(rowsOf(batch(["42"], { missed: ["cache-2"] })).map(({ action }) => action)).toEqual([
      "delete",
      "owed",
    ]);
  });
});

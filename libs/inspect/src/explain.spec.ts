import { decodeCached, encodeCachedValue } from "@freshet/contracts";
import { describe, expect, it } from "vitest";
import { explain, type Facts, type TouchingEvent } from "./explain.ts";
import type { GroupPosition } from "./late-step.ts";

const topology = "ab12cd34";
const entity = "profile:42";
const value = (
  version: number,
  data: unknown = { name: `v${version}` },
  tags: Readonly<Record<string, string>> = {},
): NonNullable<Facts["cached"]> => ({
  value: decodeCached(Buffer.from(encodeCachedValue({ versions: { [entity]: version }, data, tags }))),
  expiresInSeconds: 3_000,
});
const owner = (version: number) => ({ versions: { [entity]: version }, data: { name: `v${version}` } });

/** Version n is at offset n. */
function event(version: number): TouchingEvent {
  const time = `2026-11-22T12:01:0${version}.000Z`;
  const data = { version, change: "updated" as const, changedFields: ["name"] };
  const envelope = { specversion: "1.0" as const, id: `e${version}`, source: "s", type: "T", subject: "42" };
  return {
    topic: "t",
    partition: 3,
    offset: BigInt(version),
    event: { ...envelope, time, data },
    appendedMs: Date.parse(time),
    entity,
  };
}

const committed = (offset: bigint, changes: Partial<GroupPosition> = {}): GroupPosition => ({
  committed: offset,
  metadata: { topo: topology, ts: 1, miss: {} },
  members: 1,
  ...changes,
});

function explained(changes: Partial<Facts>, position = committed(8n)) {
  return explain({
    key: "user_profile:42",
    view: "user_profile",
    pool: "profiles",
    node: "n:1",
    topology,
    cached: value(7),
    tags: {},
    owner: owner(7),
    events: [event(6), event(7)],
    position: () => position,
    ...changes,
  });
}

describe("explain", () => {
  const stale = { cached: value(6) };
  it.each<[string, Partial<Facts>, GroupPosition | undefined]>([
    ["fresh: cached 7, committed 7", {}, undefined],
    [
      "fresh: cached 6, committed 7, which changes nothing of it",
      { cached: value(6, { name: "v7" }) },
      undefined,
    ],
    ["fresh: cached 7, committed 7, as far as the events tell", { owner: "it is away" }, undefined],
    ["not cached: the next read loads it", { cached: undefined }, undefined],
    ["unknown, since n:1: no answer in time", { cached: "n:1: no answer in time" }, undefined],
    [
      "not a value of Freshet's: readers load past it",
      { cached: { value: { kind: "foreign" }, expiresInSeconds: null } },
      undefined,
    ],
    [
      "stale since 12:01:07, because the group of pool profiles stands at 7 and has not come to t/3@7: cached 6, committed 7",
      stale,
      committed(7n),
    ],
    [
      "stale since 12:01:07, because the group of pool profiles has committed nothing and has not come to t/3@7, and nobody reads for it: cached 6, committed 7",
      stale,
      { committed: undefined, metadata: undefined, members: 0 },
    ],
    [
      "stale since 12:01:07, because node n:1 has not acknowledged since offset 5 of t/3: cached 6, committed 7",
      stale,
      committed(8n, { metadata: { topo: topology, ts: 1, miss: { "n:1": 5n } } }),
    ],
    [
      "stale since 12:01:07, because pool profiles is invalidated under another node list (ffffffff) than it is read under (ab12cd34): cached 6, committed 7",
      stale,
      committed(8n, { metadata: { topo: "ffffffff", ts: 1, miss: {} } }),
    ],
    [
      "stale since 12:01:07, because somebody else moved the group of pool profiles past t/3@7: cached 6, committed 7",
      stale,
      committed(8n, { metadata: undefined }),
    ],
    [
      "stale, because its topic has no event of that change: see the outbox of the service, or the change lies further back: cached 6, committed 7",
      { ...stale, events: [event(6)] },
      undefined,
    ],
    [
      "unknown: its owner answers an older version than is cached; does it read a replica?",
      { owner: owner(6), events: [event(6)] },
      undefined,
    ],
    [
      "stale: its versions are those that its owner has, but its data is not",
      { cached: value(7, { name: "another" }) },
      undefined,
    ],
  ])("says %s", (sentence, facts, position) => {
    expect(explained(facts, position ?? committed(8n)).sentence).toBe(sentence);
  });

  it("takes a node that missed a later event for no reason, and one that missed everything for one", () => {
    const missed = (miss: { "n:1": bigint } | "*") =>
      explained(stale, committed(9n, { metadata: { topo: topology, ts: 1, miss } })).late?.step;
    expect(missed({ "n:1": 8n })).toBe("acknowledged");
    expect(missed("*")).toBe("node");
  });

  it("says by which tag a value was invalidated", () => {
    const cached = value(7, { name: "v7" }, { "t:search": "aa" });
    expect(explained({ cached, tags: { "t:search": "aa" } })).toMatchObject({ verdict: "fresh" });
    expect(explained({ cached, tags: {} })).toMatchObject({
      verdict: "untagged",
      sentence: "invalidated by its tag t:search: the next read loads it",
    });
  });

  it("shows versions and events and nothing of the data", () => {
    const found = explained(stale, committed(7n));
    expect(found).toMatchObject({
      since: "2026-11-22T12:01:07.000Z",
      cached: { versions: { [entity]: 6 } },
      owner: { versions: { [entity]: 7 }, sameData: false },
      events: [
        { offset: "7", version: 7, isCommitted: false, isOwed: false },
        { offset: "6", version: 6, isCommitted: true, isOwed: false },
      ],
    });
    const missed = committed(8n, { metadata: { topo: topology, ts: 1, miss: { "n:1": 7n } } });
    expect(explained(stale, missed).events).toMatchObject([
      { version: 7, isCommitted: true, isOwed: true },
      { version: 6, isCommitted: true, isOwed: false },
    ]);
    expect(JSON.stringify(found)).not.toMatch(/"v\d/);
  });
});

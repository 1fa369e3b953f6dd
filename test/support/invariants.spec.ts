// What the judges of the nemesis must not let pass, each planted into a history that is right.
import { expect, test } from "vitest";
import { type GroupPartition, type Row } from "./checker.ts";
import { type LogRecord } from "./event-log.ts";
import {
  judgeCommits,
  judgeHistory,
  judgeLetters,
  judgeLog,
  judgeSnapshot,
  type Snapshot,
} from "./invariants.ts";

const [node, other] = ["127.0.0.1:1", "127.0.0.1:2"];
const rows: readonly Row[] = [
  { id: "a", version: 3, profile: {} },
  { id: "b", version: 1, profile: null },
];

function record(offset: number, entity: string, version: number, changes: object = {}): LogRecord {
  const data = {
    version,
    change: version === 1 ? "created" : "updated",
    changedFields: version === 3 ? ["handle"] : ["displayName"],
    before: { teamIds: ["t1"] },
    after: { teamIds: ["t1"] },
  };
  const event = { specversion: "1.0", id: `${entity}-${version}`, subject: entity, data, ...changes };
  const value = Buffer.from(JSON.stringify(event));
  return { partition: 0, offset: String(offset), timestamp: 100 + offset, key: entity, value, headers: {} };
}

const records = [record(0, "a", 1), record(1, "b", 1), record(2, "a", 2), record(3, "a", 3)];
const log = judgeLog(records, rows, new Set());

function commit(changes: Partial<GroupPartition> = {}): GroupPartition {
  const metadata = JSON.stringify({ f: 1, topo: "0123abcd", ts: 103, miss: {} });
  return { pool: "profiles", partition: 0, high: 4, committed: 4, missed: {}, metadata, ...changes };
}

function cached(key: string, vs: object, at = node): Snapshot["cached"][number] {
  return { node: at, key, text: JSON.stringify({ vs, d: {} }) };
}

function snapshot(values: Snapshot["cached"], ...commits: GroupPartition[]): Snapshot {
  return { commits, cached: values, rows };
}

test("a log that holds each committed version once, in order, is right, whatever is copied and whoever else publishes", () => {
  expect(log).toMatchObject({ repeated: 0, violations: [] });
  const copies = [record(4, "a", 1), record(5, "a", 3)];
  const strange = record(6, "a", 1, { id: "strange" });
  expect(judgeLog([...records, ...copies, strange], rows, new Set(["strange"]))).toMatchObject({
    repeated: 2,
    violations: [],
  });
});

test.each([
  ["I5: a: version 2 of 3 was never published", records.filter(({ offset }) => offset !== "2")],
  ["I5: a: version 4 was published, 3 is the last commit", [...records, record(4, "a", 4)]],
  ["I5: a: version 2 was published as two events", [...records, record(4, "a", 2, { id: "again" })]],
  ["I6: a: version 2 follows a higher one", [records[0], records[1], records[3], record(4, "a", 2)]],
])("%s", (violation, broken) => {
  const { violations } = judgeLog(
    broken.filter((each) => each !== undefined),
    rows,
    new Set(),
  );
  expect(violations).toContain(violation);
});

test("an old value whose event lies at or after the commit, or that the commit's metadata names, is owed", () => {
  const old = cached("user_profile:a", { "profile:a": 2 });
  expect(judgeSnapshot(snapshot([old], commit({ committed: 3 })), log)).toEqual([]);
  expect(judgeSnapshot(snapshot([old], commit({ missed: { [node]: "3" } })), log)).toEqual([]);
  expect(judgeSnapshot(snapshot([old], commit({ missed: "*" })), log)).toEqual([]);
  const current = cached("user_profile_by_handle:h", { "profile:a": 3 });
  expect(judgeSnapshot(snapshot([current], commit()), log)).toEqual([]);
});

test.each([
  ["is committed past", commit()],
  ["is owed by another node", commit({ missed: { [other]: "0" } })],
  ["is older than what is owed", commit({ missed: { [node]: "4" } })],
])("an old value whose deletion %s breaks I4", (_, broken) => {
  const old = cached("user_profile:a", { "profile:a": 2 });
  expect(judgeSnapshot(snapshot([old], broken), log)).toEqual([
    `I4: user_profile:a on ${node} has version 2 of a; the deletion for 3, at 0@3, is committed and not owed`,
  ]);
});

test("a directory owes nothing for a change that does not show in it", () => {
  const teams = commit({ pool: "teams" });
  const judge = (version: number) =>
    judgeSnapshot(snapshot([cached("team_directory:t1", { "profile:a": version })], teams), log).length;
  expect([judge(2), judge(1)]).toEqual([0, 1]);
  expect(judgeSnapshot(snapshot([cached("team_directory:t2", { "profile:a": 1 })], teams), log)).toEqual([]);
});

test("a value that is newer than the database breaks I3", () => {
  const newer = cached("user_profile:a", { "profile:a": 4 });
  expect(judgeSnapshot(snapshot([newer], commit()), log)).toEqual([
    `I3: user_profile:a on ${node} has version 4 of a, 3 is the last commit`,
  ]);
});

test("a key that goes back to an earlier version breaks I3, on one node and of one entity alone", () => {
  const at = (version: number, where = node) =>
    snapshot([cached("user_profile:a", { "profile:a": version }, where)]);
  expect(judgeHistory([at(2), at(2), at(3), at(1, other)])).toEqual([]);
  expect(judgeHistory([at(3), snapshot([cached("user_profile:a", { "profile:b": 1 })])])).toEqual([]);
  expect(judgeHistory([at(3), at(2)])).toEqual([
    `I3: user_profile:a on ${node} went from version 3 of a to 2`,
  ]);
});

test("a commit that is not at the end, has another append time, owes something or is foreign breaks I4", () => {
  expect(judgeCommits([commit()], records)).toEqual([]);
  const broken = [
    commit({ committed: 5 }),
    commit({ metadata: JSON.stringify({ f: 1, topo: "0123abcd", ts: 102, miss: {} }) }),
    commit({ metadata: JSON.stringify({ f: 1, topo: "0123abcd", ts: 103, miss: { [node]: "1" } }) }),
    commit({ metadata: null }),
  ];
  expect(broken.map((each) => judgeCommits([each], records).length > 0)).toEqual([true, true, true, true]);
});

test("a record that can't be read has a letter of each pool, and no other has", () => {
  const unreadable = { ...record(4, "a", 4), value: Buffer.from("not JSON") };
  const letter = (pool: string, offset: string): LogRecord => ({
    ...unreadable,
    headers: { "freshet-pool": pool, "freshet-partition": "0", "freshet-offset": offset },
  });
  const judge = (...letters: LogRecord[]) =>
    judgeLetters([...records, unreadable], letters, ["profiles", "teams"]);
  expect(judge(letter("profiles", "4"), letter("profiles", "4"), letter("teams", "4"))).toEqual([]);
  expect(judge(letter("profiles", "4"))).toEqual(["I8: teams has no letter of 0@4"]);
  expect(judge(letter("profiles", "4"), letter("teams", "4"), letter("teams", "2"))).toEqual([
    "I8: teams has parked 0@2, which can be read",
  ]);
});

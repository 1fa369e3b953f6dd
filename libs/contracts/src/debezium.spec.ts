import { describe, expect, it } from "vitest";
import { decodeChangeEvent, encodeChangeEvent } from "./cloudevents.ts";
import { changeEventOfRow, type TableMapping } from "./debezium.ts";

const mapping: TableMapping = {
  type: "ProfileChanged",
  source: "profile-service",
  idColumn: "id",
  fields: new Map([
    ["displayName", "display_name"],
    ["bio", "bio"],
  ]),
  routing: new Map([
    ["teamIds", { column: "team_ids", type: "[string]" }],
    ["handle", { column: "handle", type: "string?" }],
  ]),
};

const row = { id: "42", handle: "ada", display_name: "Ada", bio: "long", team_ids: ["t1"] };

/** As Debezium's documentation has a message of the PostgreSQL connector. */
function payload(op: string, before: object | null, after: object | null, changes: object = {}) {
  return {
    before,
    after,
    source: {
      version: "3.4.0.Final",
      connector: "postgresql",
      name: "pg",
      ts_ms: 1_763_840_000_000,
      snapshot: "false",
      db: "profiles",
      sequence: '["24023119","24023128"]',
      schema: "public",
      table: "profiles",
      txId: 555,
      lsn: 24_023_128,
      xmin: null,
    },
    op,
    ts_ms: 1_763_840_000_123,
    transaction: null,
    ...changes,
  };
}

const of = (message: unknown) => changeEventOfRow(JSON.stringify(message), mapping);

describe("changeEventOfRow", () => {
  it.each([
    ["c", null, row, { change: "created", before: null, after: { teamIds: ["t1"], handle: "ada" } }],
    ["r", null, row, { change: "created", before: null, after: { teamIds: ["t1"], handle: "ada" } }],
    ["d", row, null, { change: "deleted", before: { teamIds: ["t1"], handle: "ada" }, after: null }],
    [
      "u",
      row,
      { ...row, display_name: "Ada L.", team_ids: ["t1", "t2"] },
      {
        change: "updated",
        changedFields: ["displayName"],
        before: { teamIds: ["t1"], handle: "ada" },
        after: { teamIds: ["t1", "t2"], handle: "ada" },
      },
    ],
  ])(
    "takes op %s, wrapped in its schema or not, as an event that the bus decodes",
    (op, before, after, data) => {
      const plain = of(payload(op, before, after));
      expect(plain).toEqual({
        kind: "event",
        event: {
          specversion: "1.0",
          id: "24023128-42",
          source: "profile-service",
          type: "ProfileChanged",
          subject: "42",
          time: "2025-11-22T19:33:20.000Z",
          data: { version: 24_023_128, ...data },
        },
      });
      expect(of({ schema: { type: "struct" }, payload: payload(op, before, after) })).toEqual(plain);
      if (plain.kind !== "event") throw new Error("no event");
      const decoded = decodeChangeEvent({ value: Buffer.from(encodeChangeEvent(plain.event).value) });
      expect(decoded).toMatchObject({ ok: true, event: { subject: "42" } });
    },
  );

  it("takes a numeric id, and a value that is null where it may be", () => {
    expect(of(payload("c", null, { ...row, id: 7, handle: null }))).toMatchObject({
      event: { subject: "7", data: { after: { teamIds: ["t1"] } } },
    });
  });

  it("takes a large value that was not touched for unchanged", () => {
    const after = { ...row, bio: "__debezium_unavailable_value", display_name: "Ada L." };
    expect(of(payload("u", row, after))).toMatchObject({
      event: { data: { changedFields: ["displayName"] } },
    });
  });

  it.each([
    ["a tombstone", null],
    ["an empty value", ""],
    ["the border of a transaction", JSON.stringify({ status: "BEGIN", id: "555", event_count: null })],
    ["a heartbeat", JSON.stringify({ ts_ms: 1 })],
    ["a logical message", JSON.stringify(payload("m", null, null))],
  ])("makes nothing of %s", (_, value) => {
    expect(changeEventOfRow(value, mapping)).toEqual({ kind: "nothing" });
  });

  const identity = /REPLICA IDENTITY FULL/;
  it.each<[string, unknown, string, RegExp]>([
    ["an update without its old row", payload("u", null, row), "before.team_ids is missing", identity],
    [
      "a deletion of which only the key is logged",
      payload("d", { id: "42", team_ids: null }, null),
      "before.team_ids is missing",
      identity,
    ],
    ["a deletion without its old row", payload("d", null, null), "before is missing", identity],
    [
      "a row without the column that a value is read from",
      payload("c", null, { id: "42" }),
      "after.team_ids is missing",
      /^map it to a column/,
    ],
    [
      "a large routing value that is not logged",
      payload("u", { id: "42", handle: "a" }, { ...row, team_ids: "__debezium_unavailable_value" }),
      "team_ids is missing",
      identity,
    ],
    ["another id column", payload("c", null, { ...row, id: null }), "column id holds no id", /entity's id/],
    ["a truncated table", payload("t", null, null), "the table was truncated", /flush/],
    ["an op of another kind", payload("x", null, null), "op is none of", /as they are/],
    [
      "another connector, without lsn",
      payload("c", null, row, { source: { connector: "mysql" } }),
      "source.lsn",
      /PostgreSQL/,
    ],
    [
      "an lsn that a number can't hold",
      payload("c", null, row, { source: { lsn: 2 ** 53 } }),
      "source.lsn",
      /PostgreSQL/,
    ],
  ])("refuses %s, and says what to mend", (_, message, problem, mend) => {
    expect(of(message)).toEqual({
      kind: "refused",
      problem: expect.stringContaining(problem) as string,
      mend: expect.stringMatching(mend) as string,
    });
  });

  it("refuses what is no JSON object", () => {
    for (const value of ["no", "[]", "1"])
      expect(changeEventOfRow(value, mapping)).toMatchObject({ kind: "refused" });
  });
});

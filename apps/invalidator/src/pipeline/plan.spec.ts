import { encodeChangeEvent } from "@freshet/contracts";
import fc from "fast-check";
import type { KafkaMessage } from "kafkajs";
import { describe, expect, it } from "vitest";
import { bySubject, graphOf } from "../../../../test/support/profile-graph.ts";
import { decodeBatch } from "./decode.ts";
import { planBatch } from "./plan.ts";

const topic = "profile.events.v1";
const graph = graphOf(
  {
    user_profile: { key: "user_profile:{profileId}", dependsOn: bySubject },
    user_profile_by_handle: {
      key: "user_profile_by_handle:{handle}",
      dependsOn: [{ event: "ProfileChanged", params: { handle: "handle" } }],
    },
    team_directory: {
      key: "team_directory:{teamId}",
      dependsOn: [{ event: "ProfileChanged", fields: ["handle"], params: { teamId: "teams[]" } }],
    },
  },
  { handle: "string", teams: "[string]?" },
);

function message(value: string | null, key: string | null, offset = 0): KafkaMessage {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp: "1763840000000",
    attributes: 0,
    offset: String(offset),
    headers: {},
  };
}

function changed(id: string, version: number, handle = id, type = "ProfileChanged"): KafkaMessage {
  const { key, value } = encodeChangeEvent({
    specversion: "1.0",
    id: `${id}-${version}`,
    source: "profile-service",
    type,
    subject: id,
    time: "2026-11-22T20:00:00.000Z",
    data: { version, change: "updated", changedFields: [], before: { handle }, after: { handle } },
  });
  return message(value, key);
}

/** An event that touches 22 keys. */
function huge(offset: number): KafkaMessage {
  const after = { handle: "big", teams: Array.from({ length: 20 }, (_, index) => `t${index}`) };
  const { key, value } = encodeChangeEvent({
    specversion: "1.0",
    id: "huge",
    source: "profile-service",
    type: "ProfileChanged",
    subject: "big",
    data: { version: 1, change: "created", before: null, after },
  });
  return message(value, key, offset);
}

function plan(...messages: KafkaMessage[]) {
  return planBatch(decodeBatch(messages), topic, graph, 10);
}

describe("a batch's plan", () => {
  it("names every key once, however many events touch it", () => {
    const planned = plan(changed("42", 1), changed("42", 2), changed("7", 1));
    expect([...planned.deletes].sort()).toEqual([
      "user_profile:42",
      "user_profile:7",
      "user_profile_by_handle:42",
      "user_profile_by_handle:7",
    ]);
    expect(planned).toMatchObject({ applied: 2, superseded: 1, unaffected: 0, letters: [] });
  });

  it("holds the last five events of all, for those who look on", () => {
    const ids = Array.from({ length: 100 }, (_, index) => String(index));
    const { events, latest } = plan(...ids.map((id) => changed(id, 1)), message("not json", "3"));
    expect(events).toBe(100);
    expect(latest.map(({ subject }) => subject)).toEqual(["95", "96", "97", "98", "99"]);
  });

  it("accounts for every event: applied + superseded + unaffected + dead-lettered", () => {
    const messages = [
      changed("1", 1),
      changed("1", 2),
      changed("2", 1, "ada", "SomethingElse"),
      message("not json", "3"),
      message(null, null),
    ];
    const { applied, superseded, unaffected, letters } = plan(...messages);
    expect(applied + superseded + unaffected + letters.length).toBe(messages.length);
    expect([applied, superseded, unaffected, letters.length]).toEqual([1, 1, 1, 2]);
  });

  it("still deletes what follows from the id of an event that can't be decoded, and counts the rest as unknown", () => {
    const planned = plan(message('{"specversion":"1.0"}', "42"));
    expect([...planned.deletes]).toEqual(["user_profile:42"]);
    expect(planned.letters).toMatchObject([{ reason: "invalid_event", entityId: "42" }]);
    expect(planned.effectUnknown).toBe(1);
  });

  it("parks an event whose routing values are missing, with the field's name", () => {
    const { key, value } = encodeChangeEvent({
      specversion: "1.0",
      id: "x",
      source: "s",
      type: "ProfileChanged",
      subject: "42",
      data: { version: 3, change: "updated", before: {}, after: { handle: "ada" } },
    });
    const planned = plan(message(value, key));
    expect(planned.letters).toMatchObject([{ reason: "invalid_routing", entityId: "42" }]);
    expect(planned.letters[0]?.detail).toContain("data.before.handle");
    expect([...planned.deletes]).toEqual(["user_profile:42"]);
  });

  it("processes an event whose Kafka key is not its subject, and counts it", () => {
    const [key, event] = ["other", changed("42", 1)];
    const planned = plan({ ...event, key: Buffer.from(key) }, { ...event, key: null });
    expect(planned.deletes).toContain("user_profile:42");
    expect(planned.foreignKeys).toBe(2);
  });

  it("tells a Kafka key that is the subject from one that is not, whatever their bytes", () => {
    const text = fc.oneof(fc.constantFrom("", "a", "ab", "é", "aé"), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(text, text.filter(Boolean), (key, subject) => {
        const planned = plan({ ...changed(subject, 1), key: Buffer.from(key) });
        expect(planned.foreignKeys).toBe(key === subject ? 0 : 1);
      }),
    );
  });

  it("hashes ids that can't stand in a key", () => {
    expect([...plan(changed("a b", 1)).deletes][0]).toBe("user_profile:~c8687a08aa5d6ed2044328fa6a697ab8");
  });
});

describe("an event that expands to more keys than are held at once", () => {
  const at = (offset: number, one: KafkaMessage): KafkaMessage => ({ ...one, offset: String(offset) });

  it("has a plan for itself, in slices that together hold every key", () => {
    const planned = plan(huge(5), at(6, changed("1", 1)), message("not json", "2", 7));
    expect(planned).toMatchObject({ applied: 1, superseded: 0, unaffected: 0, letters: [], end: 6n });
    expect([...planned.deletes]).toEqual([]);
    const { sliced } = planned;
    expect(sliced).toMatchObject({ size: 22, slices: 3 });
    const keys = [0, 1, 2].flatMap((n) => sliced?.slice(n) ?? []).map(({ key }) => String(key));
    expect(new Set(keys).size).toBe(22);
  });

  it.each([
    ["an event", [at(3, changed("1", 1)), huge(5), huge(6)]],
    ["a dead letter", [message("not json", "2", 3), huge(5), message("not json", "2", 6)]],
  ])("is left to the next plan when %s comes before it, so that this is committed first", (_, messages) => {
    const planned = plan(...messages);
    expect(planned).toMatchObject({ sliced: undefined, end: 5n });
    expect(planned.applied + planned.letters.length).toBe(1);
  });

  it("is counted once, and so is each message around it, however the batch is cut", () => {
    const messages = [
      at(0, changed("1", 1)),
      message("not json", "2", 1),
      huge(2),
      huge(3),
      message("not json", "2", 4),
      at(5, changed("3", 1)),
      huge(6),
    ];
    const ended: number[] = [];
    for (let rest = messages; rest.length > 0;) {
      const { applied, superseded, unaffected, letters, end = 7n } = plan(...rest);
      ended.push(applied + superseded + unaffected + letters.length);
      rest = rest.filter(({ offset }) => BigInt(offset) >= end);
    }
    expect(ended).toEqual([2, 1, 1, 2, 1]);
  });
});

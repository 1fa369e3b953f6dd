import { describe, expect, it } from "vitest";
import { type Check, confirm, look, type OwnerAnswer, type Suspect } from "./verdict.ts";

const check: Check = {
  pool: "profiles",
  view: "user_profile",
  service: "s",
  key: "user_profile:42",
  entity: "profile:42",
  version: 7,
  eventId: "e",
  topic: "t",
  partition: 0,
  offset: 1n,
  appendedMs: 0,
};
const stored = (value: unknown) => Buffer.from(JSON.stringify(value));
const found = (value: unknown) => look(check, "n:1", stored(value));

describe("look", () => {
  it.each([
    ["nothing is there", undefined],
    ["a reader is about to fill it", stored({ l: "0123456789abcdef" })],
    ["it is no value of Freshet's", Buffer.from("x")],
    ["it is of the event's version", stored({ vs: { "profile:42": 7 }, d: {} })],
    ["it is of a later one", stored({ vs: { "profile:42": 8 }, d: {} })],
  ])("takes it for fresh when %s", (_, bytes) => {
    expect(look(check, "n:1", bytes)).toBe("fresh");
  });

  it("suspects an older version, and a value that was built without the entity", () => {
    expect(found({ vs: { "profile:42": 6 }, d: {} })).toMatchObject({ cachedVersion: 6, node: "n:1" });
    expect(found({ vs: { "profile:43": 9 }, d: {} })).toMatchObject({ cachedVersion: undefined });
  });
});

describe("confirm", () => {
  const older = found({ vs: { "profile:42": 6 }, d: { name: "old" } }) as Suspect;
  const without = found({ vs: {}, d: null }) as Suspect;
  const now = (version: number, data: unknown): OwnerAnswer => ({
    versions: { "profile:42": version },
    data,
  });
  it.each<[string, string, Suspect, OwnerAnswer]>([
    ["stale", "its owner has something else", older, now(7, { name: "new" })],
    ["stale", "its owner names the entity no more", older, { versions: {}, data: null }],
    ["fresh", "its owner has the same data: the event changed nothing of it", older, now(7, { name: "old" })],
    ["unconfirmed", "its owner has not got that far", older, now(6, { name: "other" })],
    ["unconfirmed", "its owner does not answer", older, "no answer"],
    ["fresh", "nothing is what there is", without, { versions: {}, data: null }],
    ["unconfirmed", "it may lack a later change", without, now(8, { name: "new" })],
  ])("says %s when %s", (verdict, _, suspect, owner) => {
    expect(confirm(suspect, owner)).toBe(verdict);
  });
});

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { freshet } from "../../test/support/cli.ts";
import { namesGone, type Schema, schemaBreaks } from "./breaks.mjs";
import { currentNames, lastRelease } from "./current.mjs";

const { version, manifests, names, schemas } = lastRelease();
const folder = mkdtempSync(join(tmpdir(), "freshet-contracts-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe(`what was released as ${version}`, () => {
  it("has lost no metric, error code, setting, command or export", () => {
    expect(namesGone(names, currentNames())).toEqual([]);
  });

  it.each(schemas)("is still true of $file, for those who have it $direction", (one) => {
    expect(one.current, `${one.file} is gone`).toBeDefined();
    expect(schemaBreaks(one.released, one.current ?? {}, one.direction)).toEqual([]);
  });

  it("can be replaced by the manifests of now without a hazard", async () => {
    const { exitCode, stdout, stderr } = await freshet(["manifests", "diff", manifests, "deploy/manifests"]);
    expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: "" });
  });
});

describe("a break is refused and named", () => {
  it.each([
    ["metric", "freshet_lag_seconds"],
    ["error code", "KAFKA_REFUSED"],
    ["command", "manifests diff"],
    ["export", "@freshet/cache: ReadThroughCache"],
  ])("a %s that is gone: %s", (kind, name) => {
    const known = names[kind] ?? [];
    expect(known).toContain(name);
    const without = { ...names, [kind]: known.filter((one) => one !== name) };
    expect(namesGone(names, without)).toEqual([`${kind}: ${name} is gone`]);
    expect(namesGone(without, names)).toEqual([]);
  });

  const thing: Schema = {
    type: "object",
    properties: { id: { type: "string" }, kind: { enum: ["a", "b"] }, tags: { items: { type: "string" } } },
    required: ["id"],
    additionalProperties: false,
  };
  const properties = thing["properties"] as Schema;
  const more = { ...properties, more: { type: "string" } };
  it.each([
    [
      "a property that is gone",
      { properties: { id: properties["id"] } },
      ["kind is gone", "tags is gone"],
      ["kind is gone", "tags is gone"],
    ],
    ["a property more", { properties: more }, [], []],
    ["one that is demanded now", { required: ["id", "kind"] }, ["the document: kind is demanded now"], []],
    ["one that may be absent now", { required: [] }, [], ["the document: id may be absent now"]],
    [
      "a value more",
      { properties: { ...properties, kind: { enum: ["a", "b", "c"] } } },
      [],
      ['kind: "c" is a new value'],
    ],
    [
      "a value less",
      { properties: { ...properties, kind: { enum: ["a"] } } },
      ['kind: "b" is refused now'],
      [],
    ],
    [
      "another type, further in",
      { properties: { ...properties, tags: { items: { type: "integer" } } } },
      ['tags.items: type was "string" and is "integer"'],
      ['tags.items: type was "string" and is "integer"'],
    ],
    ["another description", { description: "new" }, [], []],
  ])("%s", (_, change, whenWritten, whenRead) => {
    expect(schemaBreaks(thing, { ...thing, ...change }, "written")).toEqual(whenWritten);
    expect(schemaBreaks(thing, { ...thing, ...change }, "read")).toEqual(whenRead);
  });

  it.each([
    ["a field that is announced no more", "      - bio\n", "", "views that name bio are refused"],
    [
      "another topic",
      "topic: profile.events.v1",
      "topic: profile.events.v2",
      "events that are still in the old topic",
    ],
    [
      "a key without its former one",
      "key: user_profile:{profileId}",
      "key: profile:{profileId}",
      "add it to formerKeys",
    ],
  ])("%s in a manifest", async (_, was, is, reason) => {
    const after = mkdtempSync(join(folder, "set-"));
    cpSync(manifests, after, { recursive: true });
    const file = join(after, "profile-service.yaml");
    const text = readFileSync(file, "utf8");
    expect(text).toContain(was);
    writeFileSync(file, text.replace(was, is));
    const { exitCode, stdout } = await freshet(["manifests", "diff", manifests, after]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain(reason);
  });
});

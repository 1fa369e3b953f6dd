import { parseManifest, type RoutingType } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { Problem } from "@freshet/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkEvents, publishedBy } from "./check-events.ts";
import { readRequest } from "./read-request.ts";

const types: Record<string, RoutingType> = {
  handle: "string",
  teamIds: "[string]",
  rank: "integer?",
  ids: "[integer]?",
};
const manifest = parseManifest(
  {
    freshet: 1,
    service: "s",
    publishes: {
      ThingChanged: { entity: "thing", topic: "thing.events.v1", fields: ["name"], routing: types },
    },
    views: {
      v: {
        key: "v:{h}:{t}",
        pool: "p",
        dependsOn: [{ event: "ThingChanged", params: { h: "handle", t: "teamIds[]" } }],
      },
      w: {
        key: "w:{r}:{i}",
        pool: "p",
        dependsOn: [{ event: "ThingChanged", params: { r: "rank", i: "ids[]" } }],
      },
    },
  },
  "s.yaml",
);
const published = publishedBy([manifest]);
const grants = new Map([["s", "*" as const]]);
const routing = { handle: "ada", teamIds: ["t1"] };
const event = {
  specversion: "1.0",
  id: "e1",
  source: "s",
  type: "ThingChanged",
  subject: "42",
  data: { version: 1, change: "updated", changedFields: ["name"], before: routing, after: routing },
};
const structured = { "content-type": "application/cloudevents+json" };
const batch = { "content-type": "application/cloudevents-batch+json" };
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

function problemOf(run: () => unknown): Problem {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a request", () => {
  it("bears an event in structured mode, in binary mode, or several in a batch", () => {
    const { data, ...attributes } = event;
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]),
    );
    const binary = { ...headers, "ce-subject": "Z%C3%BC rich", "content-type": "application/json" };
    expect(readRequest(structured, bytes(event)).events).toEqual([event]);
    expect(readRequest(batch, bytes([event, event])).events).toEqual([event, event]);
    expect(readRequest(binary, bytes(data)).events).toEqual([{ ...event, subject: "Zü rich" }]);
  });

  const deep = (levels: number) => `{"a":`.repeat(levels) + "1" + "}".repeat(levels);
  it.each([
    [
      "another charset",
      { "content-type": "application/cloudevents+json; charset=utf-16" },
      "{}",
      415,
      "Content-Type",
    ],
    ["compression", { ...structured, "content-encoding": "gzip" }, "{}", 415, "Content-Encoding"],
    ["nothing", structured, "", 400, "body"],
    ["half an object", structured, '{"id":', 400, "body"],
    ["wrong UTF-8", structured, Buffer.from([0x22, 0xff, 0x22]), 400, "body"],
    ["__proto__", structured, '{"data":{"__proto__":{"version":1}}}', 400, "body"],
    ["constructor.prototype", structured, '{"constructor":{"prototype":{"a":1}}}', 400, "body"],
    ["40 levels", structured, deep(40), 400, "body"],
    ["100,000 levels", structured, deep(100_000), 400, "body"],
    ["no list in a batch", batch, "{}", 400, "body"],
    ["data without attributes", { "content-type": "application/json" }, "{}", 400, "ce-specversion"],
    [
      "a header that is no name",
      { "content-type": "application/json", "ce-__proto__": "x" },
      "{}",
      400,
      "ce-__proto__",
    ],
    ["data as a header", { "content-type": "application/json", "ce-data": "x" }, "{}", 400, "ce-data"],
    ["a bare %", { "content-type": "application/json", "ce-id": "100%" }, "{}", 400, "ce-id"],
  ])("with %s is refused", (_, headers, body, status, field) => {
    const problem = problemOf(() => readRequest(headers, Buffer.from(body as string)));
    expect({ status: problem.status, field: problem.errors[0]?.field }).toEqual({ status, field });
  });
});

describe("the events of a request", () => {
  it("become messages of their topic, keyed by their entity", () => {
    const messages = checkEvents([event], grants, published, 10);
    const [rest, ...more] = messages.map(({ value, ...others }) => ({
      ...others,
      event: JSON.parse(String(value)) as unknown,
    }));
    expect(rest).toEqual({
      event,
      topic: "thing.events.v1",
      key: "42",
      headers: { "content-type": "application/cloudevents+json" },
    });
    expect(more).toEqual([]);
  });

  it("are refused as a whole, each with what is wrong with it", () => {
    const noVersion = { ...event, id: "e2", data: { ...event.data, version: 0 } };
    const noRouting = { ...event, id: "e3", data: { ...event.data, before: { teamIds: [1] } } };
    const problem = problemOf(() =>
      checkEvents([event, noVersion, { id: "e4", type: "Nope" }, null, noRouting], grants, published, 10),
    );
    expect(problem.status).toBe(400);
    expect(problem.errors).toMatchObject([
      { event: 1, id: "e2", field: "data.version" },
      {
        event: 2,
        id: "e4",
        field: "type",
        remedy: "must be an event that a manifest publishes: ThingChanged",
      },
      { event: 3, field: "type" },
      { event: 4, id: "e3", field: "data.before.handle", remedy: "must be string" },
      { event: 4, id: "e3", field: "data.before.teamIds.0", remedy: "must be [string]" },
    ]);
    expect(problem.message).toContain("Nothing of the request was sent");
  });

  it("of another source or type than the token allows are refused, and so is the rest", () => {
    const other = problemOf(() => checkEvents([event, { ...event, source: "x" }], grants, published, 10));
    expect([other.status, other.errors]).toMatchObject([403, [{ event: 1, field: "source" }]]);
    const narrow = new Map([["s", new Set(["OtherChanged"])]]);
    const type = problemOf(() => checkEvents([event], narrow, published, 10));
    expect([type.status, type.errors]).toMatchObject([403, [{ event: 0, field: "type" }]]);
  });

  it("are bounded, each and together", () => {
    const teamIds = Array.from({ length: 10_000 }, (_, n) => `team-${n}`);
    const huge = { ...event, data: { ...event.data, after: { ...routing, teamIds } } };
    expect(problemOf(() => checkEvents([huge], grants, published, 10)).message).toMatch(/65536 bytes/);
    expect(problemOf(() => checkEvents([event, event], grants, published, 1)).status).toBe(413);
    const many = Array.from({ length: 900 }, () => ({}));
    expect(problemOf(() => checkEvents(many, grants, published, 1_000)).errors.length).toBe(20);
  });

  it("that are taken can all be planned: no dead letter for a wrong routing value", () => {
    const graph = compile([{ file: "s.yaml", manifest }], {
      p: { nodes: ["a:1"], previousNodes: [], nodeOf: "ketama", onGap: "alarm", dedicated: false },
    }).pool("p");
    const value = fc.oneof(
      fc.constantFrom(
        "a",
        "",
        "\ud800",
        1,
        -1,
        1.5,
        2 ** 53,
        null,
        undefined,
        [],
        ["a"],
        [1],
        [1.5],
        ["\ud800"],
        {},
      ),
      fc.jsonValue(),
    );
    const mostly = (good: unknown) =>
      fc.oneof({ weight: 6, arbitrary: fc.constant(good) }, { weight: 1, arbitrary: value });
    const side = fc.option(
      fc.record({ handle: mostly("ada"), teamIds: mostly(["t1"]), rank: mostly(7), ids: mostly(null) }),
      { freq: 2 },
    );
    const change = fc.constantFrom("created", "updated", "deleted");
    let taken = 0;
    fc.assert(
      fc.property(side, side, change, (before, after, kind) => {
        const sent = { ...event, data: { version: 1, change: kind, before, after } };
        const json = JSON.parse(JSON.stringify(sent)) as typeof event;
        try {
          checkEvents([json], grants, published, 1);
        } catch {
          return;
        }
        taken += 1;
        expect(graph.plan(json as Parameters<typeof graph.plan>[0]).kind).not.toBe("undecodable");
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });
});

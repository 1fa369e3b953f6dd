import { compile } from "@freshet/dependency-graph";
import { parseManifest } from "@freshet/contracts";
import { expect, it } from "vitest";
import { eventOfRow, incompleteViews, otherEvents } from "./rows.ts";

const publishes = {
  Changed: {
    entity: "thing",
    topic: "thing.events.v1",
    fields: ["name"],
    routing: { handle: "string", numbers: "[integer]" },
  },
  Other: { entity: "other", topic: "other.events.v1", fields: ["name"], routing: {} },
};
const dependsOn = (params: Record<string, string>) => [{ event: "Changed", params }];
const graph = compile(
  [
    {
      file: "m.yaml",
      manifest: parseManifest(
        {
          freshet: 1,
          service: "s",
          publishes,
          views: {
            by_id: { key: "by_id:{id}", pool: "p", dependsOn: dependsOn({ id: "subject" }) },
            by_handle: { key: "by_handle:{h}", pool: "p", dependsOn: dependsOn({ h: "handle" }) },
            by_number: {
              key: "by_number:{n}",
              pool: "q",
              dependsOn: [...dependsOn({ n: "numbers[]" }), { event: "Other", params: { n: "subject" } }],
            },
          },
        },
        "m.yaml",
      ),
    },
  ],
  {
    p: { nodes: ["a:1"], previousNodes: [], nodeOf: "ketama", onGap: "alarm", dedicated: false },
    q: { nodes: ["a:1"], previousNodes: [], nodeOf: "ketama", onGap: "alarm", dedicated: false },
  },
);
const changed = graph.events.find(({ type }) => type === "Changed");
if (changed === undefined) throw new Error("no event");

it("names every key that follows from what a row says now", () => {
  const event = eventOfRow({ subject: 7, handle: "ada", numbers: ["1", 2] }, changed);
  const keys = ["p", "q"].flatMap((pool) => {
    const plan = graph.pool(pool).plan(event);
    return plan.kind === "keys" ? plan.keys.map(({ key }) => key) : [];
  });
  expect(keys.sort()).toEqual(["by_handle:ada", "by_id:7", "by_number:1", "by_number:2"]);
});

it("says of the views that it can't be complete for, and of the events that it does not repair", () => {
  expect(incompleteViews(graph.views, changed, ["p", "q"])).toEqual([
    { pool: "p", view: "by_handle", by: ["handle"], hardTtlSeconds: 3_960 },
    { pool: "q", view: "by_number", by: ["numbers"], hardTtlSeconds: 3_960 },
  ]);
  expect(incompleteViews(graph.views, changed, ["p"])).toHaveLength(1);
  expect(otherEvents(graph.views, changed, ["q"])).toEqual(["Other"]);
  expect(otherEvents(graph.views, changed, ["p"])).toEqual([]);
});

it.each([
  [{ handle: "ada", numbers: [] }, "column subject is missing"],
  [{ subject: null, handle: "ada", numbers: [] }, "column subject must be"],
  [{ subject: "7", handle: "ada" }, "column numbers is missing"],
])("refuses a row without a column that it needs", (row, message) => {
  expect(() => eventOfRow(row, changed)).toThrow(message);
});

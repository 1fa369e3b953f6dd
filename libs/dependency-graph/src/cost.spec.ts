import { type ChangeEvent, parseManifest, parsePools } from "@freshet/contracts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CoalescedPlan, compile } from "./index.ts";
import { Rule } from "./rule.ts";

// `npm run bench -- plan` says what it takes in time; here is counted what is looked at.

const published = {
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["displayName", "bio", "teamIds"],
  routing: { teamIds: ["string"], badge: "integer?" },
};
const event: ChangeEvent = {
  specversion: "1.0",
  id: "1",
  source: "s",
  type: "ProfileChanged",
  subject: "42",
  data: {
    version: 7,
    change: "updated",
    changedFields: ["displayName"],
    before: { teamIds: ["t1", "t2"], badge: 5 },
    after: { teamIds: ["t1", "t2"], badge: 5 },
  },
};

/** Views that a change of displayName does not concern: by type, by field, by an announced routing value or another. */
function otherViews(count: number) {
  const dependencies = [
    { event: "TeamChanged", params: { id: "subject" } },
    { event: "ProfileChanged", fields: ["bio"], params: { id: "subject" } },
    { event: "ProfileChanged", fields: ["teamIds"], params: { id: "teamIds[]" } },
    { event: "ProfileChanged", fields: ["bio"], params: { id: "badge" } },
  ];
  return Array.from({ length: count }, (_, index) => ({
    key: `other${index}:{id}`,
    pool: "p",
    dependsOn: [dependencies[index % dependencies.length]],
  }));
}

function graphWith(others: number) {
  const views = {
    user_profile: {
      key: "user_profile:{id}",
      pool: "p",
      dependsOn: [{ event: "ProfileChanged", params: { id: "subject" } }],
    },
    ...Object.fromEntries(otherViews(others).map((view, index) => [`other${index}`, view])),
  };
  const publishes = {
    ProfileChanged: published,
    TeamChanged: { ...published, entity: "team", topic: "teams.events.v1" },
  };
  const manifest = parseManifest({ freshet: 1, service: "s", publishes, views }, "a.yaml");
  const pools = parsePools({ freshet: 1, pools: { p: { nodes: ["a:1"] } } }, "pools.yaml");
  return compile([{ file: "a.yaml", manifest }], pools).pool("p");
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the cost of an event", () => {
  const methods = ["count", "sameKeys", "refreshes", "planned", "plannedRefresh", "key"] as const;

  it("is counted by every method of a rule", () => {
    expect(Object.getOwnPropertyNames(Rule.prototype)).toEqual(["constructor", ...methods]);
  });

  it("does not grow with the rules that do not concern it: none of them is looked at", () => {
    const looks = [0, 400].map((others) => {
      const graph = graphWith(others);
      const spies = methods.map((name) => vi.spyOn(Rule.prototype, name));
      const plan = graph.plan(event);
      expect(plan).toMatchObject({ kind: "keys", keys: [{ key: "user_profile:42" }] });
      const batch = new CoalescedPlan();
      batch.add(graph, event);
      expect([...batch.deletes]).toEqual(["user_profile:42"]);
      const looks = spies.map((spy) => spy.mock.calls.length);
      vi.restoreAllMocks();
      return looks;
    });
    // The event is planned twice, by itself and into a batch; neither refreshes.
    expect(looks[0]).toEqual([2, 2, 2, 1, 0, 2]);
    expect(looks[1]).toEqual(looks[0]);
  });
});

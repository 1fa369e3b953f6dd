import { type ChangeEvent, encodeKeyParam, parseManifest, parsePools } from "@freshet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CoalescedPlan, compile, type Plan, type PlannedKey, type PoolGraph } from "./index.ts";

// Everything below is written from the rules of the manifest alone, in the most naive way, with strings.

const routing = { a: "string", b: "integer?", list: ["string"], more: "[integer]?" };
// `more` is no field: that it changed is never announced.
const fields = ["a", "b", "list", "text"];
const sources = ["subject", "a", "b", "list[]", "more[]"];
const params = ["p", "q"];
const types = ["One", "Two"];

interface View {
  key: string;
  dependsOn: { event: string; fields?: string[]; params: Record<string, string> }[];
  derivedFrom: string[];
  tags: { tag: string; event: string; fields?: string[]; params: Record<string, string> }[];
  formerKeys: string[];
  onChange: "delete" | { refresh: string };
}

const source = fc.constantFrom(...sources);
const filter = fc.option(fc.subarray(fields, { minLength: 1 }), { nil: undefined });
const used = fc.subarray(params);

/** Views v0…vn, each derived only from earlier ones that have all of its parameters: what compile accepts. */
const views = fc
  .array(
    fc.record({
      used,
      former: fc.option(used),
      dependsOn: fc.array(fc.tuple(fc.constantFrom(...types), filter, source, source), { maxLength: 3 }),
      bases: fc.array(fc.nat(5), { maxLength: 2 }),
      tags: fc
        .tuple(
          fc.boolean(),
          fc.array(fc.tuple(fc.constantFrom("x", "y"), fc.constantFrom(...types), filter, source), {
            maxLength: 2,
          }),
        )
        .map(([has, tags]) => (has ? tags : [])),
      refresh: fc.nat(3).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((drafts) => {
    const made = new Map<string, View>();
    for (const [index, draft] of drafts.entries()) {
      const fill = (names: string[], values: string[]): Record<string, string> =>
        Object.fromEntries(names.map((name, at) => [name, values[at] ?? "subject"]));
      // A view that is refreshed follows from the subject of one event type, and from nothing else.
      const refresh = draft.refresh && draft.used.length > 0;
      const [[only] = []] = draft.dependsOn;
      const own = draft.dependsOn
        .filter(([event]) => !refresh || event === only)
        .map(([event, fields, ...from]) => ({
          event,
          ...(fields ? { fields } : {}),
          params: fill(draft.used, refresh ? [] : from),
        }));
      const fitting = [...made].filter(([, base]) => {
        const hasParams = draft.used.every((param) => base.key.includes(`{${param}}`));
        return hasParams && base.dependsOn.length + base.derivedFrom.length > 0 && base.tags.length === 0;
      });
      const bases = draft.bases.flatMap((n) => fitting[n % fitting.length]?.[0] ?? []);
      const derivedFrom = refresh ? [] : [...new Set(bases)];
      const tags = (refresh ? [] : draft.tags).map(([name, event, only, from]) => ({
        tag: draft.used.includes("p") ? `${name}:{p}` : name,
        event,
        ...(only ? { fields: only } : {}),
        params: draft.used.includes("p") ? { p: from } : {},
      }));
      made.set(`v${index}`, {
        key: [`v${index}`, ...draft.used.map((param) => `{${param}}`)].join(":"),
        dependsOn: own,
        derivedFrom,
        tags,
        formerKeys: draft.former
          ? [
              [
                `old${index}`,
                ...draft.former.filter((name) => draft.used.includes(name)).map((p) => `{${p}}`),
              ].join(":"),
            ]
          : [],
        onChange: refresh ? { refresh: "/views" } : "delete",
      });
    }
    return made;
  });

const value = fc.constantFrom("1", "2", "a b");
const side = fc.record(
  {
    a: value,
    b: fc.option(fc.nat(2)),
    list: fc.array(value, { maxLength: 3 }),
    more: fc.option(fc.array(fc.nat(2), { maxLength: 3 })),
  },
  { requiredKeys: ["a", "list"] },
);
const event = fc
  .record({
    type: fc.constantFrom(...types, "Unheard"),
    subject: fc.constantFrom("s1", "s2"),
    change: fc.constantFrom("created" as const, "updated" as const, "deleted" as const),
    changedFields: fc.option(fc.subarray([...fields, "unknown"])),
    version: fc.integer({ min: 1, max: 9 }),
    before: side,
    after: side,
  })
  .map(({ type, subject, ...data }): ChangeEvent => ({
    specversion: "1.0",
    id: "1",
    source: "s",
    type,
    subject,
    data: {
      ...data,
      before: data.change === "created" ? null : data.before,
      after: data.change === "deleted" ? null : data.after,
    },
  }));

/** Everything that a view depends on, its bases' included, each with the names that count as fields. */
function dependenciesOf(name: string, all: Map<string, View>): View["dependsOn"] {
  const view = all.get(name);
  if (!view) throw new Error(name);
  const own = view.dependsOn.map((dependency) => withParams(dependency));
  return [...own, ...view.derivedFrom.flatMap((base) => dependenciesOf(base, all))];
}

function withParams<Dependency extends { fields?: string[]; params: Record<string, string> }>(
  dependency: Dependency,
): Dependency {
  const roots = Object.values(dependency.params).map((path) => path.replace("[]", ""));
  return dependency.fields ? { ...dependency, fields: [...dependency.fields, ...roots] } : dependency;
}

function matches(dependency: { event: string; fields?: string[] }, { type, data }: ChangeEvent): boolean {
  if (dependency.event !== type) return false;
  const { changedFields } = data;
  if (data.change !== "updated" || !changedFields || changedFields.length === 0) return true;
  if (!dependency.fields) return true;
  const moved = dependency.fields.includes("more") && listed(data.before) !== listed(data.after);
  return moved || dependency.fields.some((field) => changedFields.includes(field));
}

function listed(values: ChangeEvent["data"]["before"]): string {
  return JSON.stringify([...new Set([values?.["more"] ?? []].flat())]);
}

function keysOf(template: string, filled: Record<string, string>, { subject, data }: ChangeEvent): string[] {
  return [data.before, data.after].flatMap((values) => {
    if (!values) return [];
    let keys = [template];
    for (const [param, path] of Object.entries(filled)) {
      if (!template.includes(`{${param}}`)) continue;
      const found: unknown = path === "subject" ? subject : values[path.replace("[]", "")];
      const choices = [found ?? []].flat() as (string | number)[];
      keys = keys.flatMap((key) =>
        choices.map((choice) => key.replace(`{${param}}`, encodeKeyParam(choice))),
      );
    }
    return keys;
  });
}

/** What the manifest says about one event: key → action. */
function oracle(all: Map<string, View>, changed: ChangeEvent): Map<string, string> {
  const expected = new Map<string, string>();
  for (const [name, view] of all) {
    for (const dependency of dependenciesOf(name, all)) {
      if (!matches(dependency, changed)) continue;
      const refresh = view.onChange !== "delete" && changed.data.change !== "deleted";
      for (const key of keysOf(view.key, dependency.params, changed))
        expected.set(key, refresh ? `refresh ${changed.data.version}` : "delete");
      for (const former of view.formerKeys)
        for (const key of keysOf(former, dependency.params, changed)) expected.set(key, "delete");
    }
    for (const tag of view.tags)
      if (matches(withParams(tag), changed))
        for (const key of keysOf(`t:${tag.tag}`, tag.params, changed)) expected.set(key, "delete");
  }
  return expected;
}

it("the random manifests hold what the rules are about", () => {
  const sample = fc.sample(views, { numRuns: 300, seed: 1 });
  const share = (has: (view: View, all: Map<string, View>) => boolean) =>
    sample.filter((all) => [...all.values()].some((view) => has(view, all))).length / sample.length;
  const isFiltered = (view: View | undefined) => view?.dependsOn.some(({ fields }) => fields) ?? false;
  const shares = {
    derivedFromFiltered: share((view, all) => view.derivedFrom.some((base) => isFiltered(all.get(base)))),
    derivedTwice: share((view, all) =>
      view.derivedFrom.some((base) => (all.get(base)?.derivedFrom.length ?? 0) > 0),
    ),
    refreshed: share((view) => view.onChange !== "delete" && view.dependsOn.length > 0),
    formerKeys: share((view) => view.formerKeys.length > 0 && view.dependsOn.length > 0),
    tagsOfKeys: share((view) => view.tags.some(({ params }) => Object.keys(params).length > 0)),
    listsMultiplied: share((view) =>
      view.dependsOn.some(({ params }) => {
        const paths = Object.values(params);
        return paths.length === 2 && paths.every((path) => path.endsWith("[]"));
      }),
    ),
  };
  for (const [what, part] of Object.entries(shares)) expect(part, what).toBeGreaterThan(0.05);
});

function graphOf(all: Map<string, View>): PoolGraph {
  const publishes = Object.fromEntries(
    types.map((type) => [type, { entity: type.toLowerCase(), topic: "x.events.v1", fields, routing }]),
  );
  const withPool = Object.fromEntries([...all].map(([name, view]) => [name, { ...view, pool: "p" }]));
  const manifest = parseManifest({ freshet: 1, service: "s", publishes, views: withPool }, "a.yaml");
  const pools = parsePools({ freshet: 1, pools: { p: { nodes: ["a:1"] } } }, "pools.yaml");
  return compile([{ file: "a.yaml", manifest }], pools).pool("p");
}

function actionsOf(planned: Iterable<PlannedKey>): Map<string, string> {
  return new Map(
    [...planned].map((one) => [one.key, one.action === "refresh" ? `refresh ${one.version}` : "delete"]),
  );
}

/** What a batch does: a key that is both deleted and refreshed would be of two minds. */
function batchOf(graph: PoolGraph, events: readonly ChangeEvent[]): CoalescedPlan {
  const batch = new CoalescedPlan();
  for (const changed of events) batch.add(graph, changed);
  return batch;
}

function actionsOfBatch({ deletes, refreshes }: CoalescedPlan): Map<string, string> {
  for (const key of deletes) expect(refreshes.has(key)).toBe(false);
  expect(new Set(deletes).size).toBe(deletes.length);
  return new Map([...[...deletes].map((key) => [key, "delete"] as const), ...actionsOf(refreshes.values())]);
}

function keysIn(plan: Plan): readonly PlannedKey[] {
  return plan.kind === "keys" ? plan.keys : [];
}

describe("against a naive oracle, for random manifests and events", () => {
  it("a plan holds exactly the keys that the manifest names, each once", () => {
    fc.assert(
      fc.property(views, fc.array(event, { maxLength: 10 }), (all, events) => {
        const graph = graphOf(all);
        for (const changed of events) {
          const planned = keysIn(graph.plan(changed));
          expect(actionsOf(planned)).toEqual(oracle(all, changed));
          expect(new Set(planned.map(({ key }) => key)).size).toBe(planned.length);
        }
      }),
    );
  });

  it("a batch coalesced does what its events do one by one, and accounts for each of them", () => {
    fc.assert(
      fc.property(views, fc.array(event, { maxLength: 10 }), (all, events) => {
        const expected = new Map<string, string>();
        for (const changed of events)
          for (const [key, action] of oracle(all, changed)) {
            const [one, other] = [action, expected.get(key) ?? action].sort();
            // "delete" sorts before "refresh n", and of two refreshes the higher version counts.
            expected.set(key, one === "delete" ? one : (other ?? action));
          }
        const batch = batchOf(graphOf(all), events);
        expect(actionsOfBatch(batch)).toEqual(expected);
        expect(batch.applied + batch.superseded + batch.unaffected).toBe(events.length);
      }),
    );
  });

  it("order and duplicates change nothing", () => {
    const shuffled = fc
      .array(event, { maxLength: 10 })
      .chain((events) =>
        fc.tuple(
          fc.constant(events),
          fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }),
        ),
      );
    fc.assert(
      fc.property(views, shuffled, (all, [events, again]) => {
        const graph = graphOf(all);
        expect(actionsOfBatch(batchOf(graph, again))).toEqual(actionsOfBatch(batchOf(graph, events)));
      }),
    );
  });
});

import type { ChangeEvent } from "@freshet/contracts";
import type { DependencyGraph, Plan, PlannedKey, PoolGraph } from "@freshet/dependency-graph";
import type { GivenEvent } from "./events-input.ts";
import { counted } from "./problem.ts";
import type { Report } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Untouched, whyNot } from "./why-not.ts";

interface ListedKey {
  readonly pool: string;
  readonly key: string;
  readonly view: string;
  readonly action: PlannedKey["action"];
  /** Every way through the graph that leads to this key, from the event's type to the view. */
  readonly why: readonly (readonly string[])[];
}

/** What one event does, as docs/cli.md says it. */
type EventPlan =
  | { readonly index: number; readonly undecodable: { readonly reason: string; readonly detail: string } }
  | {
      readonly index: number;
      readonly type: string;
      readonly subject: string;
      readonly version: number;
      readonly change: string;
      /** How many keys; more than are listed when the event expands to more than 10,000 of a pool. */
      readonly keyCount: number;
      readonly keys: readonly ListedKey[];
      readonly untouched: readonly Untouched[];
      /** Why no view depends on it at all. */
      readonly skipped?: string;
      readonly undecodable?: { readonly reason: string; readonly detail: string };
    };

/** What these events invalidate and why; one that is none, or can't be planned, is a problem. Pure. */
export function planReport(
  graph: DependencyGraph,
  given: readonly GivenEvent[],
  pools: readonly string[],
): Report {
  const events = given.map(({ index, decoded }): EventPlan =>
    decoded.ok
      ? planOf(graph, pools, index, decoded.event)
      : { index, undecodable: { reason: decoded.reason, detail: decoded.detail } },
  );
  return {
    data: { events },
    problem: events.some(({ undecodable }) => undecodable !== undefined),
    print(out) {
      for (const [at, event] of events.entries()) {
        if (at > 0) out.line();
        print(out, event);
      }
    },
  };
}

function planOf(
  graph: DependencyGraph,
  pools: readonly string[],
  index: number,
  event: ChangeEvent,
): EventPlan {
  const { type, subject, data } = event;
  const about = { index, type, subject, version: data.version, change: data.change };
  const plans = pools.map((name) => ({ name, pool: graph.pool(name), plan: graph.pool(name).plan(event) }));
  const nothing = { keyCount: 0, keys: [], untouched: [] };
  for (const { plan } of plans)
    if (plan.kind === "undecodable")
      return { ...about, ...nothing, undecodable: { reason: plan.reason, detail: plan.detail } };
  if (plans.every(({ plan }) => plan.kind === "skipped"))
    return { ...about, ...nothing, skipped: whySkipped(graph, type) };
  const keys = plans.flatMap(({ name, pool, plan }) => listed(name, pool, plan, event));
  const touched = new Set(keys.map(({ pool, view }) => `${pool} ${view}`));
  return {
    ...about,
    keyCount: plans.reduce((sum, { plan }) => sum + countOf(plan), 0),
    keys,
    untouched: whyNot(graph, event, touched).filter(({ pool }) => pools.includes(pool)),
  };
}

/** Each key once, with every way that leads to it; of an event that is done in slices, those of the first one. */
function listed(name: string, pool: PoolGraph, plan: Plan, event: ChangeEvent): ListedKey[] {
  if (plan.kind !== "keys" && plan.kind !== "slices") return [];
  const planned = plan.kind === "keys" ? plan.keys : plan.slice(0);
  const ways = new Map<string, string[][]>();
  for (const { planned: of, path } of pool.why(event)) {
    const known = ways.get(of.key) ?? [];
    // The keys of before and of after lead the same way.
    if (!known.some((other) => other.join(" ") === path.join(" "))) known.push([...path]);
    ways.set(of.key, known);
  }
  return planned.map(({ key, view, action }) => ({
    pool: name,
    key,
    view,
    action,
    why: ways.get(key) ?? [],
  }));
}

function countOf(plan: Plan): number {
  if (plan.kind === "keys") return plan.keys.length;
  return plan.kind === "slices" ? plan.size : 0;
}

function whySkipped({ events }: DependencyGraph, type: string): string {
  if (events.some((event) => event.type === type)) return `no view depends on ${type}`;
  const types = events.map((event) => event.type).join(", ") || "none";
  return `no manifest publishes ${type}; there are ${types}`;
}

function print(out: Terminal, event: EventPlan): void {
  if (!("type" in event)) {
    const { index, undecodable } = event;
    out.line(
      { text: `event ${index}: `, style: "bold" },
      { text: `undecodable (${undecodable.reason})`, style: "red" },
      `: ${undecodable.detail}`,
    );
    return;
  }
  const { index, type, subject, version, change, keyCount, keys, untouched, skipped, undecodable } = event;
  out.line({ text: `event ${index}: ${type}`, style: "bold" }, ` ${subject} v${version} ${change}`);
  if (undecodable !== undefined)
    out.line(
      { text: `undecodable (${undecodable.reason})`, style: "red" },
      `: ${undecodable.detail}; it becomes a dead letter`,
    );
  else if (skipped !== undefined) out.line(`unaffected: ${skipped}`);
  else if (keyCount === 0) out.line("unaffected: no key of any view");
  if (keys.length > 0)
    out.table(
      [{ title: "POOL" }, { title: "ACTION" }, { title: "KEY" }, { title: "WHY" }],
      keys.map(({ pool, action, key, why }) => [
        pool,
        action,
        key,
        why.map((path) => path.join(" → ")).join(", "),
      ]),
    );
  if (keyCount > keys.length)
    out.line(`… and ${counted(keyCount - keys.length, "key")} more (${keyCount} in all, done in slices)`);
  for (const { pool, view, because } of untouched)
    out.line({ text: `untouched: ${view} (pool ${pool}): ${because}`, style: "dim" });
}

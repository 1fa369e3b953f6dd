import type { ChangeEvent } from "@freshet/contracts";
import type { DependencyGraph } from "./compile.ts";
import type { EventNode, ViewNode } from "./model.ts";
import { maxKeysPerEvent } from "./pool-graph.ts";
import { RoutingReader } from "./routing.ts";

/** One thing that is wrong with an event; `says` names fields and views, and holds no value of the event. */
export interface Violation {
  readonly code:
    | "unknown_type"
    | "wrong_topic"
    | "unknown_field"
    | "missing_before"
    | "missing_after"
    | "wrong_routing"
    | "too_many_keys";
  readonly says: string;
}

type Side = "before" | "after";

/**
 * Where an event does not keep to what the manifests say of its type: what its publisher must mend, with the views
 * that need it. `topic`: where it was found, if it was. Pure.
 */
export function violationsOf(graph: DependencyGraph, event: ChangeEvent, topic?: string): Violation[] {
  const node = graph.events.find(({ type }) => type === event.type);
  if (node === undefined)
    return [{ code: "unknown_type", says: `no manifest publishes ${event.type}: it is skipped` }];
  const found: Violation[] = [];
  if (topic !== undefined && topic !== node.topic)
    found.push({ code: "wrong_topic", says: `${event.type} belongs in ${node.topic}` });
  const { change, changedFields, before, after } = event.data;
  for (const field of change === "updated" ? new Set(changedFields ?? []) : [])
    if (!node.fields.has(field))
      found.push({
        code: "unknown_field",
        says: `changedFields names ${field}, which the manifest of ${node.service} does not`,
      });
  if (change !== "created") found.push(...sideViolations(graph, node, "before", before));
  if (change !== "deleted") found.push(...sideViolations(graph, node, "after", after));
  if (found.length === 0)
    for (const name of graph.pools) {
      const plan = graph.pool(name).plan(event);
      if (plan.kind === "undecodable" && plan.reason === "too_many_keys")
        found.push({
          code: "too_many_keys",
          says: `pool ${name}: it expands to more than ${maxKeysPerEvent} keys`,
        });
    }
  return found;
}

/** A value that is there and wrong, or one that is not there: of a whole side, told once. */
function sideViolations(
  graph: DependencyGraph,
  node: EventNode,
  side: Side,
  values: Readonly<Record<string, unknown>> | null | undefined,
): Violation[] {
  const missing = side === "before" ? "missing_before" : "missing_after";
  const found: Violation[] = [];
  for (const [name, type] of node.routing) {
    const isThere = (values?.[name] ?? undefined) !== undefined;
    const users = viewsUsing(graph, node, name);
    // An optional value may be left out of a side; a whole side that is left out hides whether it had one.
    if (!isThere && type.endsWith("?") && (values != null || users.length === 0)) continue;
    const why = new RoutingReader(new Map([[name, type]]), new Set()).read([], values);
    if (isThere && typeof why !== "string") continue;
    found.push({
      code: isThere ? "wrong_routing" : missing,
      says: `${needed(node, users)} ${side}.${name}${isThere ? ` to be ${type}` : ", which you do not send"}`,
    });
  }
  return found;
}

function needed(node: EventNode, users: readonly ViewNode[]): string {
  if (users.length === 0) return `the manifest of ${node.service} promises`;
  const names = users.map(({ name }) => name).join(", ");
  return `${names} ${users.length === 1 ? "needs" : "need"}`;
}

/** The views of any service whose keys or tags are built from this routing value. */
function viewsUsing(graph: DependencyGraph, node: EventNode, name: string): ViewNode[] {
  return graph.views.filter(({ dependencies, tags }) =>
    [...dependencies, ...tags.map(({ dependency }) => dependency)].some(
      ({ event, params }) => event === node && [...params.values()].some((source) => source.name === name),
    ),
  );
}

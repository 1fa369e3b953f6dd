import { type ChangeEvent, entityKey } from "@freshet/contracts";
import type { DependencyGraph } from "@freshet/dependency-graph";
import type { Check } from "./verdict.ts";

/** The most keys of one event and pool that are looked at: an event that fans out wide must not push out all others. */
const mostKeys = 100;

/** Where an event lies, and when it came there. */
export type Appended = Pick<Check, "topic" | "partition" | "offset" | "appendedMs">;

/** What must not be older than this event: the keys that it touches in each pool. Tags hold no version. Pure. */
export function checksOf(graph: DependencyGraph, event: ChangeEvent, at: Appended): Check[] {
  const entity = graph.events.find(({ type }) => type === event.type)?.entity;
  if (entity === undefined) return [];
  return graph.pools.flatMap((pool) => {
    const plans = graph.pool(pool);
    const plan = plans.plan(event);
    const keys =
      plan.kind === "keys"
        ? plan.keys.slice(0, mostKeys)
        : plan.kind === "slices"
          ? plan.slice(0).slice(0, mostKeys)
          : [];
    return keys.flatMap(({ key, view }) => {
      const service = plans.views.get(view)?.service;
      if (service === undefined || key.startsWith("t:")) return [];
      const of = { entity: entityKey(entity, event.subject), version: event.data.version, eventId: event.id };
      return [{ pool, view, service, key, ...of, ...at }];
    });
  });
}

import type { ChangeEvent } from "@freshet/contracts";
import type { Dependency, DependencyGraph, ViewNode } from "@freshet/dependency-graph";

/** Why an event leaves a view alone that depends on its type. */
export interface Untouched {
  readonly pool: string;
  readonly view: string;
  readonly because: string;
}

/** Says of each view that depends on this type of event, and is not among `touched` (`pool view`), why not. Pure. */
export function whyNot(
  graph: DependencyGraph,
  event: ChangeEvent,
  touched: ReadonlySet<string>,
): Untouched[] {
  return graph.views.flatMap((view) => {
    const dependencies = dependenciesOn(view, event.type);
    if (dependencies.length === 0 || touched.has(`${view.pool} ${view.name}`)) return [];
    const because = [...new Set(dependencies.map((dependency) => reason(dependency, event)))].join("; ");
    return [{ pool: view.pool, view: view.name, because }];
  });
}

function dependenciesOn({ dependencies, tags }: ViewNode, type: string): Dependency[] {
  return [...dependencies, ...tags.map(({ dependency }) => dependency)].filter(
    ({ event }) => event.type === type,
  );
}

/** As the planner decides it: the filter by changed fields first, then the keys of before and after. */
function reason({ fields, params }: Dependency, { data }: ChangeEvent): string {
  const { change, changedFields } = data;
  const filters = change === "updated" && fields !== undefined && changedFields?.length;
  if (filters && !changedFields.some((field) => fields.has(field)))
    return `it needs a change of ${[...fields].join(" or ")}; changed: ${changedFields.join(", ")}`;
  const sources = [...new Set([...params.values()].map(({ name }) => name))];
  return `${sources.join(" and ")} gives no key: absent, null or empty before and after`;
}

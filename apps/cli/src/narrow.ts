import { type DependencyGraph, PoolGraph, type ViewNode } from "@freshet/dependency-graph";

/** The part of a graph that concerns this event and this pool; with the views that its derived views are built on. Pure. */
export function narrow(
  graph: DependencyGraph,
  { event, pools }: { event: string | undefined; pools: readonly string[] },
): DependencyGraph {
  const kept = new Set<ViewNode>();
  const keep = (view: ViewNode) => {
    if (kept.has(view)) return;
    kept.add(view);
    for (const base of view.derivedFrom)
      for (const other of graph.views) if (other.name === base) keep(other);
  };
  for (const view of graph.views)
    if (pools.includes(view.pool) && (event === undefined || typesOf(view).includes(event))) keep(view);
  const views = graph.views.filter((view) => kept.has(view));
  const types = new Set(event === undefined ? views.flatMap(typesOf) : [event]);
  const everything = event === undefined && pools.length === graph.pools.length;
  const graphs = new Map(
    graph.pools
      .map((name) => [name, new PoolGraph(views.filter(({ pool }) => pool === name))] as const)
      .filter(([, { views: inPool }]) => everything || inPool.size > 0),
  );
  return {
    events: graph.events.filter(({ type }) => everything || types.has(type)),
    views,
    pools: [...graphs.keys()],
    pool: (name) => graphs.get(name) ?? graph.pool(name),
  };
}

function typesOf({ dependencies, tags }: ViewNode): string[] {
  return [...dependencies, ...tags.map(({ dependency }) => dependency)].map(({ event }) => event.type);
}

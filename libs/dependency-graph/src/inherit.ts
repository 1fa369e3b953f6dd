import type { Dependency, ViewNode } from "./model.ts";
import { listed } from "./resolve-view.ts";

/** Reports what is wrong with one entry of a view's `derivedFrom`, and how to mend it. */
type Report = (view: ViewNode, base: string, problem: string, mend: string) => void;

/**
 * The views with everything that they depend on: what each says itself, and with `derivedFrom` what its bases
 * depend on, in turn. Reports bases that do not exist, lack a parameter or have only tags, and cycles.
 */
export function inherit(views: readonly ViewNode[], report: Report): readonly ViewNode[] {
  const findBase = baseFinder(views);
  const inherited = new Map<ViewNode, ViewNode>();
  const visit = (view: ViewNode, below: readonly ViewNode[]): ViewNode => {
    const known = inherited.get(view);
    if (known) return known;
    const path = [...below, view];
    const own = [...view.dependencies];
    for (const name of view.derivedFrom) {
      const refuse = (problem: string, mend: string): void => {
        report(view, name, problem, mend);
      };
      const base = findBase(view, name, refuse);
      if (!base) continue;
      if (!path.includes(base)) own.push(...fromBase(view, visit(base, path), refuse));
      else {
        const cycle = [...path.slice(path.indexOf(base)), base].map((step) => step.name).join(" → ");
        refuse(`it is derived from itself: ${cycle}`, "take one of these steps out");
      }
    }
    const complete = { ...view, dependencies: unique(own) };
    inherited.set(view, complete);
    return complete;
  };
  return views.map((view) => visit(view, []));
}

/** Finds a base by its name, among the views of the same service first. */
function baseFinder(views: readonly ViewNode[]) {
  const byName = new Map<string, ViewNode[]>();
  for (const view of views) byName.set(view.name, [...(byName.get(view.name) ?? []), view]);
  return (
    { service }: ViewNode,
    name: string,
    refuse: (problem: string, mend: string) => void,
  ): ViewNode | undefined => {
    const candidates = byName.get(name) ?? [];
    const own = candidates.find((view) => view.service === service);
    const base = own ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (base) return base;
    if (candidates.length === 0) refuse(`there is no view ${name}`, `use one of ${listed(byName.keys())}`);
    else refuse(`several services have a view ${name}`, "rename all but one of them");
    return undefined;
  };
}

function fromBase(
  { key, dependencies, tags }: ViewNode,
  base: ViewNode,
  report: (problem: string, mend: string) => void,
): Dependency[] {
  for (const param of key.params)
    if (!base.key.params.includes(param))
      report(`{${param}} is no parameter of ${base.name}'s key`, `use ${listed(base.key.params)}`);
  if (base.dependencies.length === 0 && base.derivedFrom.length === 0)
    report(
      `${base.name} ${base.tags.length > 0 ? "has only tags" : "depends on nothing"}: no key follows from it`,
      "name the events in this view's own dependsOn or tags",
    );
  // Tags are not inherited; a view that ignores an event that its base is tagged with would go stale.
  const noticed = [...dependencies, ...base.dependencies, ...tags.map(({ dependency }) => dependency)];
  const missing = new Set(base.tags.map(({ dependency }) => dependency.event.type));
  for (const { event } of noticed) missing.delete(event.type);
  if (base.dependencies.length > 0 && missing.size > 0)
    report(
      `tags are not inherited, and ${base.name} has some for ${listed(missing)}`,
      "name these events in this view's own dependsOn or tags",
    );
  return base.dependencies.map(({ event, params, fields, via }) => ({
    event,
    fields,
    params: new Map([...params].filter(([param]) => key.params.includes(param))),
    via: [...via, base.name],
  }));
}

/** Leaves out what reaches a view by two ways. */
function unique(dependencies: readonly Dependency[]): readonly Dependency[] {
  const bySignature = new Map<string, Dependency>();
  for (const dependency of dependencies) {
    const { event, params, fields } = dependency;
    const sources = [...params].map(([param, { name, each }]) => [param, name, each]).sort();
    const signature = JSON.stringify([event.type, sources, fields && [...fields].sort()]);
    if (!bySignature.has(signature)) bySignature.set(signature, dependency);
  }
  return [...bySignature.values()];
}

import {
  FreshetError,
  type KeyTemplate,
  type Manifest,
  ManifestError,
  type ManifestProblem,
  type Pools,
  templatesOverlap,
} from "@freshet/contracts";
import { inherit } from "./inherit.ts";
import type { EventNode, ViewNode } from "./model.ts";
import { PoolGraph } from "./pool-graph.ts";
import { listed, resolveView } from "./resolve-view.ts";

/** A validated manifest and the file that it was read from (the file only names it in errors). */
export interface ManifestSource {
  readonly file: string;
  readonly manifest: Manifest;
}

/** All manifests of a deployment, compiled. */
export interface DependencyGraph {
  readonly events: readonly EventNode[];
  readonly views: readonly ViewNode[];
  readonly pools: readonly string[];
  /** @throws FreshetError POOL_UNKNOWN */
  pool(name: string): PoolGraph;
}

type Report = (problem: ManifestProblem) => void;

/**
 * Compiles a set of manifests, once for all events that follow. A set is taken or refused as a whole.
 * @throws FreshetError MANIFEST_INVALID; `details.problems` lists every ManifestProblem of the set
 */
export function compile(sources: readonly ManifestSource[], pools: Pools): DependencyGraph {
  const problems: ManifestProblem[] = [];
  const report: Report = (problem) => problems.push(problem);
  refuseDuplicates(sources, report);
  const events = collectEvents(sources, report);
  const declared = sources.flatMap(({ file, manifest: { service, views } }) =>
    Object.entries(views).flatMap(([name, view]) => {
      const reportAt = (path: string, problem: string, mend: string): void => {
        report({ file, path: `views.${name}.${path}`, problem, mend });
      };
      if (!Object.hasOwn(pools, view.pool))
        reportAt("pool", `there is no pool ${view.pool}`, `use one of ${listed(Object.keys(pools))}`);
      return resolveView({ name, service, file, view }, events, reportAt) ?? [];
    }),
  );
  refuseOverlaps(declared, report);
  const views = inherit(declared, ({ file, name }, base, problem, mend) => {
    report({ file, path: `views.${name}.derivedFrom.${base}`, problem, mend });
  });
  if (problems.length > 0) throw new ManifestError(problems);
  const graphs = new Map(
    Object.keys(pools).map((name) => [name, new PoolGraph(views.filter(({ pool }) => pool === name))]),
  );
  return {
    events: [...events.values()],
    views,
    pools: [...graphs.keys()],
    pool(name) {
      const graph = graphs.get(name);
      if (graph) return graph;
      throw new FreshetError("POOL_UNKNOWN", `there is no pool ${name}; there are ${listed(graphs.keys())}`);
    },
  };
}

function collectEvents(sources: readonly ManifestSource[], report: Report): Map<string, EventNode> {
  const events = new Map<string, EventNode>();
  for (const { file, manifest } of sources)
    for (const [type, { entity, topic, fields, routing }] of Object.entries(manifest.publishes)) {
      const first = events.get(type);
      if (first)
        report({
          file,
          path: `publishes.${type}`,
          problem: `${first.service} publishes ${type} as well`,
          mend: "give one of the two another type: an event has one publisher and one topic",
        });
      else
        events.set(type, {
          type,
          service: manifest.service,
          entity,
          topic,
          fields: new Set(fields),
          routing: new Map(Object.entries(routing)),
        });
    }
  return events;
}

function refuseDuplicates(sources: readonly ManifestSource[], report: Report): void {
  const services = new Map<string, string>();
  const views = new Map<string, string>();
  for (const { file, manifest } of sources) {
    const first = services.get(manifest.service);
    if (first !== undefined)
      report({
        file,
        path: "service",
        problem: `the manifest of ${manifest.service} is also in ${first}`,
        mend: "merge the two: a service has one manifest",
      });
    services.set(manifest.service, file);
    for (const [name, { pool }] of Object.entries(manifest.views)) {
      const other = views.get(`${pool} ${name}`);
      if (other !== undefined)
        report({
          file,
          path: `views.${name}`,
          problem: `the pool ${pool} has a view ${name} of ${other} already`,
          mend: "give one of the two another name",
        });
      views.set(`${pool} ${name}`, manifest.service);
    }
  }
}

/** Refuses templates of one pool that could give the same key: one view's value would be taken for another's. */
function refuseOverlaps(views: readonly ViewNode[], report: Report): void {
  // Only templates of the same length with the same first segment, always a literal, can overlap.
  const groups = new Map<string, { view: ViewNode; template: KeyTemplate }[]>();
  for (const view of views)
    for (const [index, template] of [view.key, ...view.formerKeys].entries()) {
      const [first] = template.source.split(":", 1);
      const name = `${view.pool} ${template.segments.length} ${first ?? ""}`;
      const group = groups.get(name) ?? [];
      groups.set(name, group);
      const other = group.find((earlier) => templatesOverlap(earlier.template, template));
      if (other)
        report({
          file: view.file,
          path: `views.${view.name}.${index === 0 ? "key" : `formerKeys.${index - 1}`}`,
          problem: `${template.source} can give the same key as ${other.template.source} of ${other.view.name} (${other.view.service})`,
          mend: `begin one of the two with another literal: they share the pool ${view.pool}`,
        });
      group.push({ view, template });
    }
}

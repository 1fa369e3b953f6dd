import {
  FreshetError,
  type KeyTemplate,
  type Manifest,
  manifestInvalid,
  type ManifestProblem,
  type ManifestView,
  parseKeyTemplate,
  type Pools,
  templatesOverlap,
} from "@freshet/contracts";
import { type Effect, type EventNode, type ParamSource, subject, type ViewNode } from "./model.ts";
import { PoolGraph } from "./pool-graph.ts";

/** A validated manifest and the file that it was read from (the file only names it in errors). */
export interface ManifestSource {
  readonly file: string;
  readonly manifest: Manifest;
}

/** All manifests of a deployment, compiled. */
export interface DependencyGraph {
  /** @throws FreshetError POOL_UNKNOWN */
  pool(name: string): PoolGraph;
}

type Report = (problem: ManifestProblem) => void;
type Dependency = ManifestView["dependsOn"][number];

/**
 * Compiles a set of manifests, once for all events that follow. A set is taken or refused as a whole.
 * @throws FreshetError MANIFEST_INVALID; `details.problems` lists every ManifestProblem of the set
 */
export function compile(sources: readonly ManifestSource[], pools: Pools): DependencyGraph {
  const problems: ManifestProblem[] = [];
  const report: Report = (problem) => problems.push(problem);
  const events = collectEvents(sources, report);
  const views = sources.flatMap(({ file, manifest }) =>
    Object.entries(manifest.views).map(([name, view]) =>
      resolveView({ file, service: manifest.service, name, view, pools, events, report }),
    ),
  );
  refuseDuplicates(sources, report);
  refuseOverlaps(views, report);
  if (problems.length > 0) throw manifestInvalid(problems);
  return graphOf(
    views.map(({ node }) => node),
    pools,
  );
}

function graphOf(views: readonly ViewNode[], pools: Pools): DependencyGraph {
  const graphs = new Map(
    Object.keys(pools).map((name) => [name, new PoolGraph(views.filter(({ pool }) => pool === name))]),
  );
  return {
    pool(name) {
      const graph = graphs.get(name);
      if (!graph)
        throw new FreshetError(
          "POOL_UNKNOWN",
          `there is no pool ${name}; there are ${[...graphs.keys()].join(", ")}`,
        );
      return graph;
    },
  };
}

function collectEvents(sources: readonly ManifestSource[], report: Report): Map<string, EventNode> {
  const events = new Map<string, EventNode & { file: string }>();
  for (const { file, manifest } of sources)
    for (const [type, { topic, fields, routing }] of Object.entries(manifest.publishes)) {
      const first = events.get(type);
      if (first)
        report({
          file,
          path: `publishes.${type}`,
          problem: `${type} is published by ${first.service} as well (${first.file})`,
          mend: "give one of the two another type: an event has one publisher and one topic",
        });
      else
        events.set(type, {
          file,
          type,
          service: manifest.service,
          topic,
          fields: new Set(fields),
          routing: new Map(Object.entries(routing)),
        });
    }
  return events;
}

interface ResolvedView {
  readonly node: ViewNode;
  readonly file: string;
  readonly templates: readonly { readonly path: string; readonly template: KeyTemplate }[];
}

function resolveView(input: {
  file: string;
  service: string;
  name: string;
  view: ManifestView;
  pools: Pools;
  events: ReadonlyMap<string, EventNode>;
  report: Report;
}): ResolvedView {
  const { file, service, name, view, pools, events } = input;
  const report = (path: string, problem: string, mend: string): void => {
    input.report({ file, path: `views.${name}.${path}`, problem, mend });
  };
  if (!Object.hasOwn(pools, view.pool))
    report(
      "pool",
      `there is no pool ${view.pool}`,
      `add it to pools.yaml or use one of ${listed(Object.keys(pools))}`,
    );

  const templates = [
    { path: "key", source: view.key },
    ...view.formerKeys.map((source, index) => ({ path: `formerKeys.${index}`, source })),
  ].flatMap(({ path, source }) => {
    const template = readTemplate(source, (problem) => {
      report(path, problem, "segments joined by ':', each a literal or exactly one {param}");
    });
    return template ? [{ path, template }] : [];
  });
  const key = templates.find(({ path }) => path === "key")?.template;
  const params = new Set(key?.params);
  for (const { path, template } of key ? templates : [])
    for (const param of template.params)
      if (!params.has(param))
        report(path, `{${param}} is no parameter of the key ${view.key}`, `use ${listed([...params])}`);

  const effects = view.dependsOn.flatMap((dependency, index): Effect[] => {
    const problem = (path: string, what: string, mend: string): void => {
      report(`dependsOn.${index}.${path}`, what, mend);
    };
    const event = events.get(dependency.event);
    if (!event) {
      problem(
        "event",
        `no manifest publishes ${dependency.event}`,
        `publish it or use ${listed([...events.keys()])}`,
      );
      return [];
    }
    const fields = resolveFields(dependency, event, problem);
    const sources = resolveParams(dependency, event, key, problem);
    return templates.map(({ template }) => ({
      event,
      view: name,
      template,
      fields,
      params: new Map([...sources].filter(([param]) => template.params.includes(param))),
    }));
  });
  return { file, templates, node: { name, service, pool: view.pool, ttlSeconds: view.ttlSeconds, effects } };
}

type ReportAt = (path: string, problem: string, mend: string) => void;

function resolveFields(
  { fields, params }: Dependency,
  event: EventNode,
  report: ReportAt,
): ReadonlySet<string> | undefined {
  if (!fields) return undefined;
  for (const field of fields)
    if (!event.fields.has(field))
      report("fields", `${event.type} has no field ${field}`, `it has ${listed([...event.fields])}`);
  const used = Object.values(params).map((path) => sourceOf(path).name);
  return new Set([...fields, ...used.filter((name) => name !== subject)]);
}

function resolveParams(
  { params }: Dependency,
  event: EventNode,
  key: KeyTemplate | undefined,
  report: ReportAt,
): ReadonlyMap<string, ParamSource> {
  const choices = listed([
    subject,
    ...[...event.routing].map(([name, type]) => (type.startsWith("[") ? `${name}[]` : name)),
  ]);
  for (const param of key?.params ?? [])
    if (!Object.hasOwn(params, param))
      report("params", `{${param}} of the key is not filled`, `add \`${param}:\` with one of ${choices}`);
  return new Map(
    Object.entries(params).map(([param, path]) => {
      const source = sourceOf(path);
      const type = event.routing.get(source.name);
      const at = `params.${param}`;
      if (key && !key.params.includes(param))
        report(at, `the key ${key.source} has no {${param}}`, `remove it or use ${listed(key.params)}`);
      if (source.name === subject && !source.each) return [param, source];
      if (type === undefined)
        report(at, `${event.type} has no routing value ${path}`, `use one of ${choices}`);
      else if (type.startsWith("[") !== source.each)
        report(
          at,
          `${source.name} is ${source.each ? "no list" : "a list"}`,
          `write ${source.each ? source.name : `${source.name}[]`}`,
        );
      return [param, source];
    }),
  );
}

function sourceOf(path: string): ParamSource {
  return path.endsWith("[]") ? { name: path.slice(0, -2), each: true } : { name: path, each: false };
}

function readTemplate(source: string, report: (problem: string) => void): KeyTemplate | undefined {
  try {
    return parseKeyTemplate(source);
  } catch (error) {
    if (!(error instanceof FreshetError)) throw error;
    report(error.message);
    return undefined;
  }
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
      views.set(`${pool} ${name}`, file);
    }
  }
}

/** Refuses templates of one pool that could render the same key: one view's delete would hit another's value. */
function refuseOverlaps(views: readonly ResolvedView[], report: Report): void {
  // Only templates with the same first segment (always a literal) and length can overlap.
  const groups = new Map<string, { label: string; template: KeyTemplate }[]>();
  for (const { node, file, templates } of views)
    for (const { path, template } of templates) {
      const [first] = template.segments;
      const group = `${node.pool} ${template.segments.length} ${first && "literal" in first ? first.literal : ""}`;
      const earlier = groups.get(group) ?? [];
      groups.set(group, earlier);
      const other = earlier.find((candidate) => templatesOverlap(candidate.template, template));
      if (other)
        report({
          file,
          path: `views.${node.name}.${path}`,
          problem: `${template.source} can give the same key as ${other.template.source} of ${other.label}`,
          mend: `begin one of the two with another literal: they share the pool ${node.pool}`,
        });
      earlier.push({ label: `${node.service}'s ${node.name}`, template });
    }
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "(there is none)" : names.join(", ");
}

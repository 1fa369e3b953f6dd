import {
  FreshetError,
  type KeyTemplate,
  type ManifestView,
  parseKeyTemplate,
  parseTagTemplate,
} from "@freshet/contracts";
import {
  type Dependency,
  type EventNode,
  type ParamSource,
  subject,
  type TagNode,
  type ViewNode,
} from "./model.ts";

/** Reports what is wrong at a path below the view, and how to mend it. */
export type Report = (path: string, problem: string, mend: string) => void;

/** Checks everything about one view that it says by itself; undefined when it has no key. */
export function resolveView(
  { view, ...declared }: { name: string; service: string; file: string; view: ManifestView },
  events: ReadonlyMap<string, EventNode>,
  report: Report,
): ViewNode | undefined {
  const key = readTemplate(parseKeyTemplate, view.key, (problem, mend) => {
    report("key", problem, mend);
  });
  if (!key) return undefined;
  const resolved: ViewNode = {
    ...declared,
    pool: view.pool,
    ttlSeconds: view.ttlSeconds,
    key,
    formerKeys: resolveFormerKeys(view, key, report),
    dependencies: view.dependsOn.flatMap((dependency, index) =>
      resolveDependency(dependency, key, events, below(report, `dependsOn.${index}`)),
    ),
    derivedFrom: view.derivedFrom,
    tags: view.tags.flatMap((tag, index) => resolveTag(tag, key, events, below(report, `tags.${index}`))),
    refreshPath: view.onChange === "delete" ? undefined : view.onChange.refresh,
  };
  if (resolved.tags.length > 0 && resolved.tags.every(({ members }) => members))
    report(
      "tags",
      "its members are tagged, but rows that newly match would go unnoticed",
      "add a tag without `members: true` for the whole collection",
    );
  if (resolved.refreshPath !== undefined) checkRefresh(resolved, report);
  return resolved;
}

/** A list of names for a person. */
export function listed(names: Iterable<string>): string {
  return [...names].join(", ") || "(there is none)";
}

function resolveFormerKeys(view: ManifestView, key: KeyTemplate, report: Report): KeyTemplate[] {
  return view.formerKeys.flatMap((source, index) => {
    const path = `formerKeys.${index}`;
    const former = readTemplate(parseKeyTemplate, source, (problem, mend) => {
      report(path, problem, mend);
    });
    for (const param of former?.params ?? [])
      if (!key.params.includes(param))
        report(path, `{${param}} is no parameter of the key ${key.source}`, `use ${listed(key.params)}`);
    return former ? [former] : [];
  });
}

function resolveDependency(
  { event: type, fields, params }: ManifestView["dependsOn"][number],
  template: KeyTemplate,
  events: ReadonlyMap<string, EventNode>,
  report: Report,
): Dependency[] {
  const event = events.get(type);
  if (!event) {
    report("event", `no manifest publishes ${type}`, `publish it or use one of ${listed(events.keys())}`);
    return [];
  }
  for (const field of fields ?? [])
    if (!event.fields.has(field))
      report("fields", `${type} has no field ${field}`, `use one of ${listed(event.fields)}`);
  const sources = resolveParams(params, template, event, report);
  const used = [...sources.values()].map(({ name }) => name).filter((name) => name !== subject);
  return [{ event, params: sources, fields: fields && new Set([...fields, ...used]), via: [] }];
}

function resolveTag(
  tag: ManifestView["tags"][number],
  key: KeyTemplate,
  events: ReadonlyMap<string, EventNode>,
  report: Report,
): TagNode[] {
  const template = readTemplate(parseTagTemplate, tag.tag, (problem, mend) => {
    report("tag", problem, mend);
  });
  if (!template) return [];
  const members = tag.members === true;
  for (const param of members ? [] : template.params)
    if (!key.params.includes(param))
      report(
        "tag",
        `{${param}} is no parameter of the key ${key.source}: a reader could not name the tag before its load`,
        `use ${listed(key.params)}, or add \`members: true\``,
      );
  const ofKey = {
    source: `t:${template.source}`,
    segments: [{ literal: "t" }, ...template.segments],
    params: template.params,
  };
  return resolveDependency(tag, template, events, report).map((dependency) => ({
    template: ofKey,
    dependency,
    members,
  }));
}

function resolveParams(
  params: Readonly<Record<string, string>>,
  template: KeyTemplate,
  event: EventNode,
  report: Report,
): ReadonlyMap<string, ParamSource> {
  const choices = listed([
    subject,
    ...[...event.routing].map(([name, type]) => (type.startsWith("[") ? `${name}[]` : name)),
  ]);
  for (const param of template.params)
    if (!Object.hasOwn(params, param))
      report("params", `{${param}} of ${template.source} is not filled`, `add ${param}: one of ${choices}`);
  return new Map(
    Object.entries(params).map(([param, path]) => {
      const each = path.endsWith("[]");
      const name = each ? path.slice(0, -2) : path;
      const type = event.routing.get(name);
      const at = `params.${param}`;
      if (!template.params.includes(param))
        report(at, `${template.source} has no {${param}}`, `remove it or use ${listed(template.params)}`);
      if (path !== subject && type === undefined)
        report(at, `${event.type} has no routing value ${path}`, `use one of ${choices}`);
      else if (type !== undefined && type.startsWith("[") !== each)
        report(at, `${name} is ${each ? "no list" : "a list"}`, `write ${each ? name : `${name}[]`}`);
      return [param, { name, each }];
    }),
  );
}

/** Refresh asks the owner for the entity's value by its id and compares versions of that one entity. */
function checkRefresh(view: ViewNode, report: Report): void {
  const refuse = (problem: string): void => {
    report("onChange", problem, "use `delete`");
  };
  if (view.derivedFrom.length > 0) refuse("a derived view is always deleted");
  if (view.tags.length > 0)
    refuse("a value with tags is always deleted: a refresh knows none of their tokens");
  const sources = view.dependencies.flatMap(({ params }) => [...params.values()]);
  if (view.key.params.length === 0 || sources.some(({ name }) => name !== subject))
    refuse("its key does not follow from the subject alone");
  const entities = new Set(view.dependencies.map(({ event }) => event.entity));
  if (entities.size > 1) refuse(`its events are of several entities (${listed(entities)})`);
}

function readTemplate(
  parse: (source: string) => KeyTemplate,
  source: string,
  report: (problem: string, mend: string) => void,
): KeyTemplate | undefined {
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof FreshetError)) throw error;
    report(error.message, error.remedy);
    return undefined;
  }
}

function below(report: Report, prefix: string): Report {
  return (path, problem, mend) => {
    report(`${prefix}.${path}`, problem, mend);
  };
}

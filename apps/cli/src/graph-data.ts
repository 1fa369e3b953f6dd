import type { Dependency, DependencyGraph } from "@freshet/dependency-graph";

/** The graph as plain data, as docs/cli.md says it. Pure. */
export function graphData({ events, views, pools }: DependencyGraph) {
  return {
    events: events.map(({ type, service, entity, topic, fields, routing }) => ({
      type,
      service,
      entity,
      topic,
      fields: [...fields],
      routing: Object.fromEntries(routing),
    })),
    pools,
    views: views.map((view) => ({
      name: view.name,
      service: view.service,
      pool: view.pool,
      key: view.key.source,
      formerKeys: view.formerKeys.map(({ source }) => source),
      ttlSeconds: view.ttlSeconds,
      onChange: view.refreshPath === undefined ? "delete" : { refresh: view.refreshPath },
      derivedFrom: view.derivedFrom,
      dependsOn: view.dependencies.map((dependency) => ({ ...dependsOn(dependency), via: dependency.via })),
      tags: view.tags.map(({ template, dependency, members }) => ({
        key: template.source,
        ...dependsOn(dependency),
        members,
      })),
    })),
  };
}

/** `fields` null: every field. */
function dependsOn({ event, fields, params }: Dependency) {
  const filled = [...params].map(([param, { name, each }]) => [param, each ? `${name}[]` : name]);
  return {
    event: event.type,
    fields: fields === undefined ? null : [...fields],
    params: Object.fromEntries(filled) as Record<string, string>,
  };
}

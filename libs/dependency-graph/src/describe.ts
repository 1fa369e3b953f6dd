import type { DependencyGraph } from "./compile.ts";
import type { Dependency, EventNode, ViewNode } from "./model.ts";

/** One thing that a manifest says, as property and text. A property may come more than once. */
export type Statement = readonly [property: string, text: string];

/** What a manifest says of an event. */
export function describeEvent({ entity, topic, fields, routing }: EventNode): readonly Statement[] {
  return [
    ["entity", entity],
    ["topic", topic],
    ["fields", [...fields].join(", ")],
    ...[...routing].map(([name, type]): Statement => [`routing.${name}`, type]),
  ];
}

/** What a view is and depends on, inherited dependencies included. */
export function describeView(view: ViewNode): readonly Statement[] {
  return [
    ["pool", view.pool],
    ["key", view.key.source],
    ...view.formerKeys.map(({ source }): Statement => ["formerKey", source]),
    ["ttlSeconds", String(view.ttlSeconds)],
    ["onChange", view.refreshPath === undefined ? "delete" : `refresh ${view.refreshPath}`],
    ...view.dependencies.map((dependency): Statement => {
      const { event, via } = dependency;
      return [["on", event.type, ...via.flatMap((base) => ["via", base])].join(" "), filling(dependency)];
    }),
    ...view.tags.map(({ template, dependency, members }): Statement => {
      const property = `tag ${template.source} on ${dependency.event.type}`;
      return [property, `${members ? "of members; " : ""}${filling(dependency)}`];
    }),
  ];
}

/** The whole graph as indented text: each pool's views with what they depend on. */
export function toText(graph: DependencyGraph): string {
  const lines = graph.events.map(({ service, type, topic }) => `${service} publishes ${type} on ${topic}`);
  for (const pool of graph.pools) {
    lines.push(`pool ${pool}`);
    for (const view of graph.pool(pool).views.values()) {
      lines.push(`  ${view.name} (${view.service})`);
      for (const [property, text] of describeView(view))
        if (property !== "pool") lines.push(`    ${property}: ${text}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** The whole graph as a Mermaid flowchart: events → views → derived views, a box for each pool. */
export function toMermaid(graph: DependencyGraph): string {
  const eventIds = new Map(graph.events.map((event, index) => [event, `e${index}`]));
  const viewIds = new Map(graph.views.map((view, index) => [view, `v${index}`]));
  const lines = ["flowchart LR"];
  for (const [{ type, topic }, id] of eventIds) lines.push(`  ${id}(["${type}<br/>${topic}"])`);
  for (const [index, pool] of graph.pools.entries()) {
    lines.push(`  subgraph p${index} ["pool ${pool}"]`);
    for (const [view, id] of viewIds)
      if (view.pool === pool) lines.push(`    ${id}["${view.name}<br/>${quoted(view.key.source)}"]`);
    lines.push("  end");
  }
  for (const [view, id] of viewIds) {
    const arrow = (from: string | undefined, line: string, label: string): void => {
      if (from) lines.push(`  ${from} ${line}${label === "" ? "" : `|"${quoted(label)}"|`} ${id}`);
    };
    for (const { event, fields, via } of view.dependencies)
      if (via.length === 0) arrow(eventIds.get(event), "-->", [...(fields ?? [])].join(", "));
    for (const name of view.derivedFrom) arrow(viewIds.get(baseOf(graph, view, name)), "==>", "");
    for (const { template, dependency } of view.tags)
      arrow(eventIds.get(dependency.event), "-.->", `tag ${template.source}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Bases are found among the views of the same service first, as the compiler finds them. */
function baseOf({ views }: DependencyGraph, view: ViewNode, name: string): ViewNode {
  const named = views.filter((candidate) => candidate.name === name);
  return named.find(({ service }) => service === view.service) ?? named[0] ?? view;
}

function filling({ fields, params }: Dependency): string {
  const filled = [...params].map(([param, { name, each }]) => `${param} = ${name}${each ? "[]" : ""}`);
  return [fields ? `fields ${[...fields].join(", ")}` : "every field", ...filled].join("; ");
}

function quoted(text: string): string {
  return text.replaceAll("#", "#35;").replaceAll('"', "#quot;");
}

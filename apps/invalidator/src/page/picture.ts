import type { EventNode, ViewNode } from "@freshet/dependency-graph";
import type { Picture } from "./message.ts";

/** The views of a dependency graph, with the events that reach them, as the page draws them. */
export function pictureOf(views: readonly ViewNode[]): Picture {
  const reaching = views.flatMap(({ dependencies, tags }) => [
    ...dependencies.map(({ event }) => event),
    ...tags.map(({ dependency }) => dependency.event),
  ]);
  const events = new Map(reaching.map((event): [string, EventNode] => [event.type, event]));
  return {
    events: [...events.values()].map(({ type, topic, service }) => ({ type, topic, service })),
    views: views.map(({ name, key, pool, service, refreshPath, derivedFrom, dependencies, tags }) => ({
      name,
      key: key.source,
      pool,
      service,
      onChange: refreshPath === undefined ? "delete" : "refresh",
      derivedFrom,
      reachedBy: [
        ...dependencies.map(({ event, fields, via }) => ({
          event: event.type,
          fields: fields ? [...fields] : null,
          via: via.length === 0 ? ("own" as const) : ("derived" as const),
        })),
        ...tags.map(({ dependency: { event, fields } }) => ({
          event: event.type,
          fields: fields ? [...fields] : null,
          via: "tag" as const,
        })),
      ],
    })),
  };
}

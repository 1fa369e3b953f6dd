import type { DependencyGraph } from "./compile.ts";
import { describeEvent, describeView, type Statement } from "./describe.ts";

/** One difference between two sets of manifests. */
export interface Difference {
  readonly what: "event" | "view";
  /** `service/name`. */
  readonly name: string;
  /** Undefined: the event or view as a whole. */
  readonly property: string | undefined;
  /** Undefined: added. */
  readonly before: string | undefined;
  /** Undefined: removed. */
  readonly after: string | undefined;
  /** What goes wrong while values and events of the earlier set are still about, and what to do about it. */
  readonly hazard: string | undefined;
}

type Described = ReadonlyMap<string, readonly Statement[]>;

/** What changes when `after` takes the place of `before`, with what is dangerous about it. */
export function diff(before: DependencyGraph, after: DependencyGraph): readonly Difference[] {
  return [
    ...compare("event", events(before), events(after)),
    ...compare("view", views(before), views(after)),
  ];
}

function events(graph: DependencyGraph): Described {
  return new Map(graph.events.map((event) => [`${event.service}/${event.type}`, describeEvent(event)]));
}

function views(graph: DependencyGraph): Described {
  return new Map(graph.views.map((view) => [`${view.service}/${view.name}`, describeView(view)]));
}

function compare(what: Difference["what"], before: Described, after: Described): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name): Difference[] => {
    const [earlier, later] = [before.get(name), after.get(name)];
    const whole = { what, name, property: undefined };
    if (!later) return [{ ...whole, before: name, after: undefined, hazard: hazardOfRemoval(what) }];
    if (!earlier) return [{ ...whole, before: undefined, after: name, hazard: undefined }];
    const properties = new Set([...earlier, ...later].map(([property]) => property));
    return [...properties].flatMap((property) => {
      const [was, is] = [textOf(earlier, property), textOf(later, property)];
      return was === is
        ? []
        : [{ what, name, property, before: was, after: is, hazard: hazardOf(property, was, is, later) }];
    });
  });
}

function textOf(statements: readonly Statement[], property: string): string | undefined {
  const texts = statements.flatMap(([name, text]) => (name === property ? [text] : []));
  return texts.length === 0 ? undefined : texts.sort().join(" | ");
}

function hazardOfRemoval(what: Difference["what"]): string | undefined {
  return what === "view"
    ? "cached values are no longer invalidated: remove its readers first, and wait for 1.1 × ttlSeconds"
    : undefined;
}

function hazardOf(
  property: string,
  before: string | undefined,
  after: string | undefined,
  later: readonly Statement[],
): string | undefined {
  if (property === "key" && !later.some(([name, text]) => name === "formerKey" && text === before))
    return `values under ${before ?? ""} are no longer invalidated: add it to formerKeys until no reader uses it`;
  if (property === "pool")
    return `values in the pool ${before ?? ""} are no longer invalidated: declare a second view there until no reader uses it`;
  if (property === "topic")
    return "events that are still in the old topic are not read: publish a new type instead";
  if (property.startsWith("routing.") && after !== undefined && !after.endsWith("?"))
    return "events that were published without it become dead letters: make it optional until they have expired";
  return undefined;
}

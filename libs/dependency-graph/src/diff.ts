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

function hazardOfRemoval(what: Difference["what"]): string {
  return what === "view"
    ? "cached values are no longer invalidated: remove its readers first, and wait for 1.1 × ttlSeconds"
    : "manifests that name it are refused: publish it until no service depends on it";
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
  if (property === "entity")
    return "versions of cached values stand under the old name: publish a new type instead";
  if (property === "fields") return hazardOfFields(before, after);
  if (property.startsWith("routing.")) return hazardOfRouting(before, after);
  return undefined;
}

function hazardOfFields(before = "", after = ""): string | undefined {
  const announced = new Set(after.split(", "));
  const gone = before.split(", ").filter((field) => !announced.has(field));
  return gone.length === 0
    ? undefined
    : `views that name ${gone.join(", ")} are refused: announce it until no service names it`;
}

function hazardOfRouting(before: string | undefined, after: string | undefined): string | undefined {
  if (after === undefined)
    return "views whose keys are built from it are refused: send it until no service names it";
  if (before === undefined)
    return after.endsWith("?")
      ? undefined
      : "events that were published without it become dead letters: make it optional until they have expired";
  if (after === `${before}?`)
    return "an event that lacks it deletes no key that is built from it: send it until no service names it";
  return before === `${after}?`
    ? "events that were published without it become dead letters: keep it optional until they have expired"
    : "events that were published before become dead letters: publish a new type instead";
}

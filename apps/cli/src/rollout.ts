import type { DependencyGraph, Difference, ViewNode } from "@freshet/dependency-graph";

/** One step of a rollout; the steps are to be done in order, each everywhere before the next. */
export interface RolloutStep {
  readonly step: string;
  /** What it concerns: topics, `service/view`, `service/event`. */
  readonly of: readonly string[];
}

/**
 * The order in which a change of manifests is rolled out, so that at every moment each cached value is invalidated:
 * readers leave before their view does and come after it, publishers say more before and less after. Pure.
 */
export function rolloutOrder(
  differences: readonly Difference[],
  before: DependencyGraph,
  after: DependencyGraph,
): RolloutStep[] {
  if (differences.length === 0) return [];
  const of = (what: Difference["what"], matches: (difference: Difference) => boolean) => [
    ...new Set(differences.filter((each) => each.what === what && matches(each)).map(({ name }) => name)),
  ];
  const whole = ({ property }: Difference) => property === undefined;
  const known = new Set(before.events.map(({ topic }) => topic));
  const topics = [...new Set(after.events.map(({ topic }) => topic))].filter((topic) => !known.has(topic));
  const removed = of("view", (each) => whole(each) && each.after === undefined);
  const longest = before.views
    .filter((view) => removed.includes(nameOf(view)))
    .reduce((most, { ttlSeconds }) => Math.max(most, ttlSeconds), 0);
  const steps: RolloutStep[] = [
    { step: "create the topics: freshet topics ensure", of: topics.sort() },
    {
      step: `take away the readers, then wait ${Math.ceil((longest * 11) / 10)} s (the hard TTL)`,
      of: removed,
    },
    { step: "deploy the publishers that say more", of: of("event", saysMore) },
    { step: "load the new manifests in every invalidator", of: [] },
    { step: "deploy the publishers that say less", of: of("event", saysLess) },
    {
      step: "deploy the readers",
      of: of("view", (each) => (whole(each) ? each.before === undefined : !invalidatorOnly(each))),
    },
  ];
  return steps.filter(({ step, of: names }) => names.length > 0 || step.startsWith("load"));
}

function nameOf({ service, name }: ViewNode): string {
  return `${service}/${name}`;
}

function saysMore({ property, before, after }: Difference): boolean {
  if (property === undefined) return before === undefined;
  if (property === "fields") return names(after).some((name) => !names(before).includes(name));
  return after !== undefined && !/^(entity)$/.test(property);
}

function saysLess({ property, before, after }: Difference): boolean {
  if (property === undefined) return after === undefined;
  if (property === "fields") return names(before).some((name) => !names(after).includes(name));
  return property.startsWith("routing.") && after === undefined;
}

/** What a view depends on and what becomes of its former keys concerns no reader. */
function invalidatorOnly({ property = "" }: Difference): boolean {
  return property === "formerKey" || property === "onChange" || property.startsWith("on ");
}

function names(list: string | undefined): string[] {
  return list === undefined ? [] : list.split(", ");
}

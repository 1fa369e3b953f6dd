import { type KeyTemplate, type RoutingType } from "@freshet/contracts";

/** An event that some service publishes. */
export interface EventNode {
  readonly type: string;
  readonly service: string;
  readonly topic: string;
  readonly fields: ReadonlySet<string>;
  readonly routing: ReadonlyMap<string, RoutingType>;
}

/** Where a parameter comes from: `subject`, a routing value, or each element of one that is a list. */
export interface ParamSource {
  readonly name: string;
  readonly each: boolean;
}

/** That a change of an event's fields touches the keys of one template. */
export interface Effect {
  readonly event: EventNode;
  readonly view: string;
  readonly template: KeyTemplate;
  readonly params: ReadonlyMap<string, ParamSource>;
  /** The changed fields that matter on `updated`, those that `params` uses included; undefined: all. */
  readonly fields: ReadonlySet<string> | undefined;
}

/** A view with everything that its manifest says, checked. */
export interface ViewNode {
  readonly name: string;
  readonly service: string;
  readonly pool: string;
  readonly ttlSeconds: number;
  readonly effects: readonly Effect[];
}

/** The reserved name of the entity's id in `params`. */
export const subject = "subject";

/** Whether the keys of an effect follow from the subject alone. */
export function followsFromSubject({ params }: Pick<Effect, "params">): boolean {
  return [...params.values()].every(({ name }) => name === subject);
}

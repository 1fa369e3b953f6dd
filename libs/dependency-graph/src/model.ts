import type { KeyTemplate, RoutingType } from "@freshet/contracts";

/** An event that some service publishes. */
export interface EventNode {
  readonly type: string;
  readonly service: string;
  readonly entity: string;
  readonly topic: string;
  readonly fields: ReadonlySet<string>;
  readonly routing: ReadonlyMap<string, RoutingType>;
}

/** Where a parameter comes from: `subject`, a routing value, or each element of one that is a list. */
export interface ParamSource {
  readonly name: string;
  readonly each: boolean;
}

/** That an event touches certain keys: how their parameters are filled and which changed fields matter. */
export interface Dependency {
  readonly event: EventNode;
  readonly params: ReadonlyMap<string, ParamSource>;
  /** What matters on `updated`, the fields that `params` uses included; undefined: every field. */
  readonly fields: ReadonlySet<string> | undefined;
  /** The views that it was inherited through, the event's own first; empty for a view's own. */
  readonly via: readonly string[];
}

/** A tag of a view; `template` is that of the tag's key (`t:…`). */
export interface TagNode {
  readonly template: KeyTemplate;
  readonly dependency: Dependency;
  readonly members: boolean;
}

/** A view as its manifest says, checked, with what it inherits. */
export interface ViewNode {
  readonly name: string;
  readonly service: string;
  /** Where it was declared; only for people. */
  readonly file: string;
  readonly pool: string;
  readonly ttlSeconds: number;
  readonly key: KeyTemplate;
  readonly formerKeys: readonly KeyTemplate[];
  readonly dependencies: readonly Dependency[];
  readonly derivedFrom: readonly string[];
  readonly tags: readonly TagNode[];
  /** The path of the service that renews it; undefined: its keys are deleted. */
  readonly refreshPath: string | undefined;
}

/** What one dependency does to the keys of one template: the unit that plans are made of. */
export interface Effect {
  readonly view: ViewNode;
  readonly template: KeyTemplate;
  readonly dependency: Dependency;
  readonly action: "delete" | "refresh";
}

/** The reserved name of the entity's id in `params`. */
export const subject = "subject";

/** Every effect on a view: its key, its former keys (always deleted) and the keys of its tags. */
export function effectsOf(view: ViewNode): readonly Effect[] {
  const action = view.refreshPath === undefined ? "delete" : "refresh";
  return [
    ...view.dependencies.flatMap((dependency): Effect[] => [
      { view, template: view.key, dependency, action },
      ...view.formerKeys.map((template) => ({ view, template, dependency, action: "delete" as const })),
    ]),
    ...view.tags.map(({ template, dependency }) => ({
      view,
      template,
      dependency,
      action: "delete" as const,
    })),
  ];
}

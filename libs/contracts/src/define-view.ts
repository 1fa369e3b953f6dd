import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { z } from "zod";
import type { ChangeEventDefinition } from "./define-change-event.ts";
import { FreshetError } from "./errors.ts";
import { type KeyTemplate, parseKeyTemplate, parseTagTemplate, type TemplateParams } from "./template.ts";

/** The life of a cached value where a view names none, in seconds. */
export const defaultTtlSeconds = 3_600;

/** The longest life of a cached value, in seconds: a tag lives twice as long, and memcached reads over 30 days as a date. */
export const maxTtlSeconds = 1_296_000;

type ListKeys<Values> = {
  [Name in keyof Values]-?: NonNullable<Values[Name]> extends readonly unknown[] ? Name : never;
}[keyof Values] &
  string;

/** Where a key parameter comes from: the subject, a routing value, or each element of a list (`teamIds[]`). */
export type RoutingPath<Definition extends ChangeEventDefinition> =
  | "subject"
  | Exclude<keyof z.infer<Definition["routing"]> & string, ListKeys<z.infer<Definition["routing"]>>>
  | `${ListKeys<z.infer<Definition["routing"]>>}[]`;

/** How a view depends on an event: the template parameters that it fills, and the paths that they come from. */
export interface ViewDependency<Param extends string = string, Path extends string = string> {
  readonly event: ChangeEventDefinition;
  readonly fields?: readonly string[];
  readonly params: Readonly<Record<Param, Path>>;
  /** Type-level only: refuses parameters that the template does not have. */
  readonly fills?: () => Param;
}

/** A tag of a view; `Param` is the union of the key's parameters that its name is made of. */
export interface ViewTag<Param extends string = string> {
  readonly tag: KeyTemplate;
  readonly event: ChangeEventDefinition;
  readonly fields?: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  /** Known only after the load: one tag per member of a list (two-load rule of the cache protocol). */
  readonly members?: true;
  /** Type-level only: refuses placeholders that the view's key does not have. */
  readonly needs?: () => Param;
}

/** What a change does to a cached value: gone, or renewed from this path of the service that owns the view. */
export type OnChange = "delete" | { readonly refresh: `/${string}` };

/** A kind of cached value: a key template, its pool, what it depends on, what to do on change. */
export interface ViewDefinition<
  Name extends string = string,
  Param extends string = string,
  Value = unknown,
> {
  readonly name: Name;
  readonly key: KeyTemplate;
  readonly pool: string;
  readonly ttlSeconds: number;
  readonly value: StandardSchemaV1<unknown, Value>;
  readonly dependsOn: readonly ViewDependency<Param>[];
  readonly derivedFrom: readonly ViewDefinition[];
  readonly tags: readonly ViewTag<Param>[];
  readonly onChange: OnChange;
  readonly formerKeys: readonly string[];
}

/** The parameters that a view's key is built from. */
export type ViewParams<View extends ViewDefinition> =
  View extends ViewDefinition<string, infer Param> ? Readonly<Record<Param, string | number>> : never;

/** The parsed value of a view. */
export type ViewValue<View extends ViewDefinition> =
  View extends ViewDefinition<string, string, infer Value> ? Value : never;

/** Declares that a view depends on an event: each template parameter with its path in the event. */
export function on<
  Definition extends ChangeEventDefinition,
  const Params extends Readonly<Record<string, RoutingPath<Definition>>>,
>(
  event: Definition,
  params: Params,
  options: { fields?: readonly Definition["fields"][number][] } = {},
): ViewDependency<keyof Params & string, Params[keyof Params]> {
  return { event, params, ...options };
}

/**
 * Declares a tag of a view: this event invalidates every value that was built under the tag.
 * @throws FreshetError TEMPLATE_INVALID
 */
export function tag<
  const Tag extends string,
  Definition extends ChangeEventDefinition,
  const Members extends true | undefined = undefined,
>(
  name: Tag,
  event: Definition,
  options: {
    params: Readonly<Record<TemplateParams<Tag>, RoutingPath<Definition>>>;
    fields?: readonly Definition["fields"][number][];
    members?: Members;
  },
): ViewTag<Members extends true ? never : TemplateParams<Tag>> {
  const { members, ...rest } = options;
  return { tag: parseTagTemplate(name), event, ...rest, ...(members ? { members } : {}) };
}

/** What to do on change, as far as what the view depends on allows it. */
type Invalidation<Param extends string, Bases extends readonly ViewDefinition[]> =
  | {
      onChange?: "delete";
      dependsOn?: readonly ViewDependency<Param>[];
      /** Each parameter of the key must be one of every base. */
      derivedFrom?: { readonly [Index in keyof Bases]: BaseFor<Param, Bases[Index]> };
      tags?: readonly ViewTag<Param>[];
    }
  | {
      /** Only where the key follows from `subject` alone. */
      onChange: Exclude<OnChange, "delete">;
      dependsOn: readonly ViewDependency<Param, "subject">[];
      derivedFrom?: never;
      tags?: never;
    };

type BaseFor<Param extends string, Base> =
  Base extends ViewDefinition<string, infer BaseParam> ? ([Param] extends [BaseParam] ? Base : never) : never;

/**
 * Declares a kind of cached value. The key template is shared with the invalidator: they cannot drift.
 * @throws FreshetError TEMPLATE_INVALID, CONTRACT_INVALID
 */
export function defineView<
  const Name extends string,
  const Key extends string,
  Schema extends StandardSchemaV1,
  const Bases extends readonly ViewDefinition[] = readonly [],
>(
  definition: Readonly<{
    name: Name;
    key: Key;
    pool: string;
    value: Schema;
    ttlSeconds?: number;
    formerKeys?: readonly string[];
  }> &
    Readonly<Invalidation<NoInfer<TemplateParams<Key>>, Bases>>,
): ViewDefinition<Name, TemplateParams<Key>, StandardSchemaV1.InferOutput<Schema>> {
  const { name, ttlSeconds = defaultTtlSeconds } = definition;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds)
    throw new FreshetError(
      "CONTRACT_INVALID",
      `${name}.ttlSeconds is ${ttlSeconds}; it must be a whole number from 1 to ${maxTtlSeconds}`,
    );
  return {
    name,
    key: parseKeyTemplate(definition.key),
    pool: definition.pool,
    ttlSeconds,
    value: definition.value,
    dependsOn: definition.dependsOn ?? [],
    derivedFrom: definition.derivedFrom ?? [],
    tags: definition.tags ?? [],
    onChange: definition.onChange ?? "delete",
    formerKeys: definition.formerKeys ?? [],
  };
}

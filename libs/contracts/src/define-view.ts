import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { z } from "zod";
import type { ChangeEventDefinition } from "./define-change-event.ts";
import { FreshetError } from "./errors.ts";
import { type KeyTemplate, parseKeyTemplate, type TemplateParams } from "./template.ts";

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

/** How a view depends on an event; `Param` is the union of the template parameters that it fills. */
export interface ViewDependency<Param extends string = string> {
  readonly event: ChangeEventDefinition;
  readonly fields?: readonly string[];
  readonly params: Readonly<Record<Param, string>>;
  /** Type-level only: refuses parameters that the template does not have. */
  readonly fills?: () => Param;
}

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
): ViewDependency<keyof Params & string> {
  return { event, params, ...(options.fields ? { fields: options.fields } : {}) };
}

/**
 * Declares a kind of cached value. The key template is shared with the invalidator: they cannot drift.
 * @throws FreshetError TEMPLATE_INVALID, CONTRACT_INVALID
 */
export function defineView<
  const Name extends string,
  const Key extends string,
  Schema extends StandardSchemaV1,
>(
  definition: Readonly<{
    name: Name;
    key: Key;
    pool: string;
    value: Schema;
    ttlSeconds?: number;
    dependsOn: readonly ViewDependency<NoInfer<TemplateParams<Key>>>[];
    formerKeys?: readonly string[];
  }>,
): ViewDefinition<Name, TemplateParams<Key>, StandardSchemaV1.InferOutput<Schema>> {
  const { name, pool, dependsOn, ttlSeconds = defaultTtlSeconds, formerKeys = [] } = definition;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds)
    throw new FreshetError(
      "CONTRACT_INVALID",
      `${name}.ttlSeconds is ${ttlSeconds}; it must be a whole number from 1 to ${maxTtlSeconds}`,
    );
  return {
    name,
    key: parseKeyTemplate(definition.key),
    pool,
    ttlSeconds,
    value: definition.value,
    dependsOn,
    formerKeys,
  };
}

import { z } from "zod";
import { FreshetError } from "./errors.ts";

/** The type of one routing value; `?` may be absent or null. */
export const routingTypes = [
  "string",
  "string?",
  "integer",
  "integer?",
  "[string]",
  "[string]?",
  "[integer]",
  "[integer]?",
] as const;
/** The type of one routing value, as a manifest names it. */
export type RoutingType = (typeof routingTypes)[number];

/** A kind of change event that a service publishes. */
export interface ChangeEventDefinition<
  Type extends string = string,
  Field extends string = string,
  Routing extends z.ZodObject = z.ZodObject,
> {
  readonly type: Type;
  /** The kind of entity, e.g. `profile`; with the subject it names one row. */
  readonly entity: string;
  readonly topic: string;
  /** The fields whose change is announced in `changedFields`. */
  readonly fields: readonly Field[];
  readonly routing: Routing;
}

/** The routing values of an event as its service holds them. */
export type RoutingOf<Definition extends ChangeEventDefinition> = z.infer<Definition["routing"]>;

export const eventTypePattern = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
export const entityPattern = /^[a-z][a-z0-9_-]{0,63}$/;
/** `subject` is reserved for the entity's id. */
export const routingNamePattern = /^(?!subject$)[A-Za-z_][A-Za-z0-9_]*$/;
export const topicPattern = /^[a-z][a-z0-9_-]*\.events\.v[1-9][0-9]*$/;

/**
 * Declares a kind of change event, typed by its fields and routing values.
 * @throws FreshetError CONTRACT_INVALID naming the field
 */
export function defineChangeEvent<
  const Type extends string,
  const Field extends string,
  Routing extends z.ZodObject,
>(definition: {
  type: Type;
  entity: string;
  topic: string;
  fields: readonly Field[];
  routing: Routing;
}): ChangeEventDefinition<Type, Field, Routing> {
  const { type, entity, topic, fields } = definition;
  requireForm("type", type, eventTypePattern);
  requireForm("entity", entity, entityPattern);
  requireForm("topic", topic, topicPattern);
  if (fields.length === 0 || new Set(fields).size !== fields.length)
    throw new FreshetError("CONTRACT_INVALID", `${type}.fields must name at least one field, each once`);
  routingTypesOf(definition);
  return definition;
}

/**
 * The routing types of an event, read off its zod schema.
 * @throws FreshetError CONTRACT_INVALID for a type that no key can be built from
 */
export function routingTypesOf(definition: {
  type: string;
  routing: z.ZodObject;
}): Record<string, RoutingType> {
  return Object.fromEntries(
    Object.entries(definition.routing.shape).map(([name, schema]) => {
      const found = routingTypeOf(schema);
      const known = routingTypes.find((type) => type === found);
      requireForm(`${definition.type}.routing`, name, routingNamePattern);
      if (known === undefined)
        throw new FreshetError(
          "CONTRACT_INVALID",
          `${definition.type}.routing.${name}: a routing value is a string, an integer or an array of either`,
        );
      return [name, known];
    }),
  );
}

function routingTypeOf(schema: unknown): string {
  if (schema instanceof z.ZodReadonly) return routingTypeOf(schema.unwrap());
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    const inner = routingTypeOf(schema.unwrap());
    return inner.endsWith("?") ? inner : `${inner}?`;
  }
  if (schema instanceof z.ZodArray) return `[${routingTypeOf(schema.element)}]`;
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return "string";
  if (schema instanceof z.ZodEnum)
    return schema.options.every((option) => typeof option === "string") ? "string" : "other";
  return schema instanceof z.ZodNumber && schema.format?.includes("int") ? "integer" : "other";
}

function requireForm(field: string, value: string, pattern: RegExp): void {
  if (!pattern.test(value))
    throw new FreshetError(
      "CONTRACT_INVALID",
      `${field} ${JSON.stringify(value)} must match ${pattern.source}`,
    );
}

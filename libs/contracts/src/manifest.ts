import { z } from "zod";
import {
  type ChangeEventDefinition,
  entityPattern,
  eventTypePattern,
  routingNamePattern,
  routingTypes,
  routingTypesOf,
  topicPattern,
} from "./define-change-event.ts";
import { defaultTtlSeconds, maxTtlSeconds, type ViewDefinition } from "./define-view.ts";
import { FreshetError } from "./errors.ts";
import { exampleManifest, examplePools, mendOf } from "./manifest-mend.ts";

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, "must be lower-case letters, digits, _ and -");
const eventType = z
  .string()
  .regex(eventTypePattern, "must be a letter, then letters, digits, _, . and -, at most 128");
const template = z.string().min(1);
const paths = z.record(
  z.string(),
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*(\[\])?$/, "must be `subject`, a routing value or `list[]`"),
);

// In YAML `[string]` is a list of one element; both spellings mean the same routing type.
const routingType = z.union(
  [
    z.enum(routingTypes),
    z.tuple([z.enum(["string", "integer"])]).transform(([element]) => `[${element}]` as const),
  ],
  "must be string, integer, [string] or [integer], with ? behind it where it is optional",
);

const dependency = z.strictObject({
  event: eventType.describe("The type of an event that some manifest publishes"),
  fields: z.array(z.string()).nonempty().optional().describe("On updated, only when one of these changed"),
  params: paths.describe("Each {param} with where it comes from: subject, a routing value, or list[]"),
});

const tag = dependency.extend({
  tag: template.describe(
    "The tag's name; its placeholders are parameters of the view's key, or members is true",
  ),
  params: paths.default({}),
  members: z.literal(true).optional().describe("Known only after the load: one tag per member of a list"),
});

const refresh = z.strictObject({
  refresh: z
    .string()
    .regex(/^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/, "must be a path such as /internal/views/user_profile"),
});

const view = z.strictObject({
  key: template.describe("Segments joined by ':', each a literal or exactly one {param}"),
  pool: name,
  ttlSeconds: z
    .int()
    .min(1)
    .max(maxTtlSeconds)
    .default(defaultTtlSeconds)
    .describe("How long a value lives at most, as the last resort"),
  dependsOn: z
    .array(dependency)
    .default([])
    .describe("The events that change it, and the keys that they change"),
  derivedFrom: z.array(name).default([]).describe("Views whose events change it as well; by name"),
  tags: z.array(tag).default([]).describe("For any number of keys: deleting the tag invalidates them all"),
  onChange: z
    .union([z.literal("delete"), refresh], "must be delete or { refresh: <path> }")
    .default("delete")
    .describe(
      "refresh: renewed from this path of the service; only where the key follows from subject alone",
    ),
  formerKeys: z.array(template).default([]).describe("Invalidated as well while a key is renamed"),
});

const publishedEvent = z.strictObject({
  entity: z
    .string()
    .regex(entityPattern, "must be a lower-case letter, then those, digits, _ and -")
    .describe("The kind of entity; with the subject it names one row"),
  topic: z.string().regex(topicPattern, "must be <entity>.events.v<n>"),
  fields: z.array(z.string().min(1)).nonempty().describe("What changedFields announces"),
  routing: z
    .record(
      z.string().regex(routingNamePattern, "must be a plain name; 'subject' is reserved for the entity's id"),
      routingType,
    )
    .describe("The values, before and after, that other keys are built from; ? where one may be absent"),
});

/** One service's views and the events that it publishes, as validated plain data. */
export const manifestSchema = z.strictObject({
  $schema: z.string().optional(),
  freshet: z.literal(1),
  service: name.describe("The service that owns these views and publishes these events"),
  publishes: z.record(eventType, publishedEvent).default({}),
  views: z.record(name, view).default({}),
});

const node = z.string().regex(/^[^\s,;:]+:\d{1,5}(:\d{1,6})?$/, "must be host:port or host:port:weight");

const pool = z.strictObject({
  nodes: z.array(node).nonempty().describe("MEMCACHED_<POOL> in the environment wins over it"),
  previousNodes: z
    .array(z.array(node).nonempty())
    .default([])
    .describe("Earlier node lists: owners under them are invalidated as well"),
  nodeOf: z
    .enum(["ketama", "modulo"])
    .default("ketama")
    .describe("Which node holds a key: libmemcached's KETAMA_WEIGHTED, or memjs's own"),
  onGap: z
    .enum(["alarm", "flush"])
    .default("alarm")
    .describe("When events were lost for this pool; flush demands dedicated: true"),
  dedicated: z
    .boolean()
    .default(false)
    .describe("Holds nothing but what Freshet's views say: it may be flushed"),
  maxDeletesPerSecond: z
    .int()
    .min(1)
    .optional()
    .describe(
      "Keys that one replica deletes a second at most; the rest waits. MEMCACHED_<POOL>_MAX_DELETES_PER_SECOND wins over it",
    ),
});

/** The pools of a deployment (pools.yaml). */
export const poolsSchema = z
  .strictObject({ freshet: z.literal(1), pools: z.record(name, pool) })
  .superRefine(({ pools }, context) => {
    for (const [poolName, { onGap, dedicated }] of Object.entries(pools))
      if (onGap === "flush" && !dedicated)
        context.addIssue({
          code: "custom",
          path: ["pools", poolName, "onGap"],
          message: "flush is allowed only with `dedicated: true`",
        });
  });

/** A manifest whose defaults are filled in. */
export type Manifest = z.infer<typeof manifestSchema>;
/** A view as a manifest has it. */
export type ManifestView = Manifest["views"][string];
/** An event as a manifest has it. */
export type PublishedEvent = Manifest["publishes"][string];
/** The pools of a deployment by name. */
export type Pools = z.infer<typeof poolsSchema>["pools"];
/** One memcached cluster: its nodes, and what may be done to them. */
export type Pool = Pools[string];

/**
 * Validates a manifest read from a file. `file` only names it in the error.
 * @throws FreshetError MANIFEST_INVALID listing every wrong path
 */
export function parseManifest(data: unknown, file: string): Manifest {
  return parse(manifestSchema, data, file, exampleManifest);
}

/**
 * Validates pools.yaml. `file` only names it in the error.
 * @throws FreshetError MANIFEST_INVALID listing every wrong path
 */
export function parsePools(data: unknown, file: string): Pools {
  return parse(poolsSchema, data, file, examplePools).pools;
}

/**
 * The manifest of a service, from its own typed definitions.
 * @throws FreshetError MANIFEST_INVALID, CONTRACT_INVALID
 */
export function defineManifest(definition: {
  service: string;
  publishes: readonly ChangeEventDefinition[];
  views: readonly ViewDefinition[];
}): Manifest {
  const { service, publishes, views } = definition;
  return parseManifest(
    {
      freshet: 1,
      service,
      publishes: record(
        publishes.map((event) => [
          event.type,
          { entity: event.entity, topic: event.topic, fields: event.fields, routing: routingTypesOf(event) },
        ]),
      ),
      views: record(
        views.map(
          ({ name: label, key, pool, ttlSeconds, dependsOn, derivedFrom, tags, onChange, formerKeys }) => [
            label,
            {
              key: key.source,
              pool,
              ttlSeconds,
              dependsOn: dependsOn.map(({ event, fields, params }) => ({
                event: event.type,
                fields,
                params,
              })),
              derivedFrom: derivedFrom.map((base) => base.name),
              tags: tags.map(({ tag, event, ...rest }) => ({ tag: tag.source, event: event.type, ...rest })),
              onChange,
              formerKeys,
            },
          ],
        ),
      ),
    },
    `the manifest of ${service}`,
  );
}

/** Entries as a record; a name that comes twice is refused, since one would silently replace the other. */
function record(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const names = entries.map(([label]) => label);
  const twice = names.find((label, index) => names.indexOf(label) !== index);
  if (twice !== undefined) throw new FreshetError("CONTRACT_INVALID", `${twice} is defined twice`);
  return Object.fromEntries(entries);
}

/** One thing that is wrong in a set of manifests, for the person who can mend it. */
export interface ManifestProblem {
  readonly file: string;
  readonly path: string;
  readonly problem: string;
  readonly mend: string;
}

/** MANIFEST_INVALID: refuses a set of manifests as a whole, and tells what is wrong in it. */
export class ManifestError extends FreshetError {
  readonly problems: readonly ManifestProblem[];

  constructor(problems: readonly ManifestProblem[]) {
    const lines = problems.map(({ file, path, problem, mend }) => `${file}: ${path}: ${problem}; ${mend}`);
    super("MANIFEST_INVALID", lines.join("\n"), { details: { problems } });
    this.problems = problems;
  }
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  data: unknown,
  file: string,
  example: object,
): z.infer<Schema> {
  const dropped = pathsToProto(data);
  if (dropped.length > 0)
    throw new ManifestError(
      dropped.map((path) => ({ file, path, problem: "a name that JavaScript reserves", mend: "rename it" })),
    );
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new ManifestError(
    parsed.error.issues.map((issue) => ({
      file,
      path: issue.path.length === 0 ? "(the file)" : issue.path.join("."),
      problem: problemOf(issue).replace("expected record", "expected a map"),
      mend: mendOf(issue, example),
    })),
  );
}

/** Of a name that may not be one, zod tells only within the issue why. */
function problemOf(issue: z.core.$ZodIssue): string {
  return (issue.code === "invalid_key" ? issue.issues[0]?.message : undefined) ?? issue.message;
}

/** Where a name is __proto__: zod leaves it out without a word, and nobody would invalidate that view's keys. */
function pathsToProto(data: unknown, at: readonly string[] = []): string[] {
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data).flatMap(([label, value]) => {
    const path = [...at, label];
    return label === "__proto__" ? [path.join(".")] : pathsToProto(value, path);
  });
}

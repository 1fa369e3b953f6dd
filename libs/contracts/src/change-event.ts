import { z } from "zod";

/** The longest subject that is processed, in bytes of UTF-8; a longer one is a dead letter. */
export const maxSubjectBytes = 1_024;

/** What happened to the entity. */
export const changeKind = z.enum(["created", "updated", "deleted"]);
export type ChangeKind = z.infer<typeof changeKind>;

/** Routing values of one side: the few fields that other keys are built from. */
const routingValues = z.record(z.string(), z.unknown());
export type RoutingValues = Readonly<Record<string, unknown>>;

const changeData = z.looseObject({
  version: z.int().positive().describe("Strictly rises with each commit of this entity; never a clock"),
  change: changeKind,
  changedFields: z
    .array(z.string())
    .nullish()
    .describe("Filters only `updated`; missing or empty means all fields"),
  before: routingValues.nullish().describe("Routing values before the change; null on created"),
  after: routingValues.nullish().describe("Routing values after the change; null on deleted"),
});

/** The CloudEvents 1.0 envelope of a change event. Unknown extra attributes are tolerated and kept. */
export const changeEventSchema = z.looseObject({
  specversion: z.literal("1.0"),
  id: z.string().min(1).describe("Unique per source; UUID v7 here"),
  source: z.string().min(1).describe("The service that owns the entity"),
  type: z.string().min(1).describe("For example ProfileChanged; a breaking change gets a new type"),
  subject: z.string().min(1).describe("The entity's id"),
  time: z.iso.datetime({ offset: true }).optional().describe("When the row was written, not the commit"),
  traceparent: z.string().optional(),
  data: changeData,
});

/** One change of one entity, as published after the commit. */
export type ChangeEvent = z.infer<typeof changeEventSchema>;

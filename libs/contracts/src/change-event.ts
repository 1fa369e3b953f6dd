import { z } from "zod";

/** The longest subject that is processed, in bytes of UTF-8; a longer one is a dead letter. */
export const maxSubjectBytes = 1_024;

/** What happened to the entity. */
const changeKind = z.enum(["created", "updated", "deleted"]);
/** What happened to the row: created, updated or deleted. */
export type ChangeKind = z.infer<typeof changeKind>;

/** Routing values of one side: the few fields that other keys are built from. */
const routingValues = z.record(z.string(), z.unknown());
/** The routing values of one side of an event, by name. */
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

const dateTime = z.regexes.datetime({ offset: true });

/**
 * Whether changeEventSchema accepts this value, at a tenth of its cost (decoding is the most of what an event costs
 * the invalidator); the schema is asked only to say what is wrong. A property test holds the two together.
 */
export function isChangeEvent(value: unknown): value is ChangeEvent {
  if (!isRecord(value)) return false;
  const { specversion, id, source, type, subject, time, traceparent, data } = value;
  return (
    specversion === "1.0" &&
    isText(id) &&
    isText(source) &&
    isText(type) &&
    isText(subject) &&
    (time === undefined || (typeof time === "string" && dateTime.test(time))) &&
    (traceparent === undefined || typeof traceparent === "string") &&
    isRecord(data) &&
    isChangeData(data)
  );
}

function isChangeData({ version, change, changedFields, before, after }: Record<string, unknown>): boolean {
  return (
    Number.isSafeInteger(version) &&
    Number(version) > 0 &&
    (change === "updated" || change === "created" || change === "deleted") &&
    (changedFields === undefined || changedFields === null || isTextList(changedFields)) &&
    (before === undefined || before === null || isRecord(before)) &&
    (after === undefined || after === null || isRecord(after))
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One change of one entity, as published after the commit. */
export type ChangeEvent = z.infer<typeof changeEventSchema>;

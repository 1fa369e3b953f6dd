import { isUtf8 } from "node:buffer";
import { isWellFormed } from "./cache-key.ts";
import { type ChangeEvent, changeEventSchema, isChangeEvent, maxSubjectBytes } from "./change-event.ts";
import { KnownJson } from "./known-json.ts";

/** The header that marks a structured-mode CloudEvent. */
export const structuredContentType = "application/cloudevents+json";

/** A Kafka message as kafkajs delivers it, as far as decoding looks at it. */
export interface EncodedMessage {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>> | undefined;
}

/** Why a message is not a change event; the reason of its dead letter. */
export const undecodableReasons = [
  "empty",
  "not_json",
  "not_a_cloudevent",
  "invalid_event",
  "subject_too_long",
  "invalid_routing",
  "too_many_keys",
] as const;
/** One of the reasons why a message is not a change event. */
export type UndecodableReason = (typeof undecodableReasons)[number];

/** What decoding answers: never an exception. `detail` names the field; it holds no values of the event. */
export type Decoded =
  | { readonly ok: true; readonly event: ChangeEvent }
  | { readonly ok: false; readonly reason: UndecodableReason; readonly detail: string };

const contentMode = "content-type";
const attributePrefix = "ce_";
/** Remembers how events look, and nothing that was in them is answered again. */
const known = new KnownJson();

/** The Kafka message of a change event: key = entity id, structured mode (CloudEvents Kafka binding 1.0). */
export function encodeChangeEvent(event: ChangeEvent): {
  key: string;
  value: string;
  headers: Record<string, string>;
} {
  return {
    key: event.subject,
    value: JSON.stringify(event),
    headers: { [contentMode]: structuredContentType },
  };
}

/**
 * Reads a change event in structured mode, or in binary mode (`ce_*` headers). Headers are looked at only when
 * the value is not itself an envelope: decoding two headers costs more than parsing the JSON.
 */
export function decodeChangeEvent(message: EncodedMessage): Decoded {
  const { value } = message;
  if (value === null || value.length === 0) return refuse("empty", "the message has no value");
  let json: unknown = known.read(value);
  if (json === undefined) {
    // Decoding would put U+FFFD in place of wrong bytes, and a wrong subject would delete another entity's keys.
    if (!isUtf8(value)) return refuse("not_json", "the value is not UTF-8");
    try {
      json = JSON.parse(value.toString("utf8"));
    } catch {
      return refuse("not_json", "the value is not JSON");
    }
    if (isObject(json)) known.learn(value, json);
  }
  const structured = isObject(json) && Object.hasOwn(json, "specversion");
  const envelope = structured ? json : binaryModeEnvelope(message, json);
  if (envelope === undefined)
    return refuse(
      "not_a_cloudevent",
      `neither a value with specversion nor the headers ${attributePrefix}specversion, ${attributePrefix}type`,
    );
  return validate(envelope);
}

function validate(envelope: unknown): Decoded {
  if (!isChangeEvent(envelope)) {
    const [issue] = changeEventSchema.safeParse(envelope).error?.issues ?? [];
    const path = issue?.path.join(".") ?? "";
    return refuse("invalid_event", `${path === "" ? "the event" : path}: ${issue?.message ?? "invalid"}`);
  }
  const { subject } = envelope;
  const bytes = Buffer.byteLength(subject);
  if (bytes > maxSubjectBytes)
    return refuse("subject_too_long", `subject: ${bytes} bytes, at most ${maxSubjectBytes} are processed`);
  if (!isWellFormed(subject))
    return refuse("invalid_event", "subject: not well-formed Unicode (lone surrogate)");
  return { ok: true, event: envelope };
}

function binaryModeEnvelope(message: EncodedMessage, data: unknown): Record<string, unknown> | undefined {
  const headers = message.headers ?? {};
  if (headers[`${attributePrefix}specversion`] === undefined) return undefined;
  const attributes = Object.entries(headers).flatMap(([name, header]): [string, string][] => {
    const first = Array.isArray(header) ? header[0] : header;
    return name.startsWith(attributePrefix) && first !== undefined
      ? [[name.slice(attributePrefix.length), first.toString()]]
      : [];
  });
  return { ...Object.fromEntries(attributes), data };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(reason: UndecodableReason, detail: string): Decoded {
  return { ok: false, reason, detail };
}

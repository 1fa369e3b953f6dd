import { isUtf8 } from "node:buffer";
import { type IncomingHttpHeaders } from "node:http";
import { structuredContentType } from "@freshet/contracts";
import { Problem, unreadable } from "@freshet/http";

/** The media types of the CloudEvents HTTP binding that are taken: structured, batch, and binary mode's data. */
export const contentTypes = [
  structuredContentType,
  "application/cloudevents-batch+json",
  "application/json",
] as const;

/** Levels of arrays and objects in a body; an event has four. */
const maxDepth = 32;
const attributePrefix = "ce-";
const attributeName = /^[a-z0-9]+$/;

/**
 * The events of a request, not yet checked: one in structured or binary mode, or a batch.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 * @throws Problem 400, 415
 */
export function readRequest(
  headers: IncomingHttpHeaders,
  body: Buffer | undefined,
): { readonly events: readonly unknown[]; readonly isBatch: boolean } {
  const [type = "", ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))
    throw unreadable(415, "Content-Type", "must have charset=utf-8, or none");
  if (!["", "identity"].includes(headers["content-encoding"] ?? ""))
    throw unreadable(415, "Content-Encoding", "must be absent: send the body uncompressed");
  const json = readJson(body);
  switch (type.trim()) {
    case contentTypes[0]:
      return { events: [json], isBatch: false };
    case contentTypes[1]:
      if (!Array.isArray(json)) throw unreadable(400, "body", "must be a list of events");
      return { events: json, isBatch: true };
    default:
      return { events: [{ ...attributesOf(headers), data: json }], isBatch: false };
  }
}

function readJson(body: Buffer | undefined): unknown {
  if (body === undefined || body.length === 0) throw unreadable(400, "body", "is empty: send an event");
  if (!isUtf8(body)) throw unreadable(400, "body", "must be UTF-8");
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    throw unreadable(400, "body", "must be JSON");
  }
  refuseShape(json);
  return json;
}

/** Refuses what is nested too deep, and names by which an object could be given another prototype. No recursion. */
function refuseShape(json: unknown): void {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth += 1) {
    const objects = level.filter((value): value is object => typeof value === "object" && value !== null);
    if (depth >= maxDepth && objects.length > 0)
      throw unreadable(400, "body", `must have at most ${maxDepth} levels of lists and objects`);
    for (const value of objects)
      if (Object.hasOwn(value, "__proto__") || hasPrototype(value))
        throw unreadable(400, "body", "must be without __proto__ and constructor.prototype");
    level = objects.flatMap((value) => Object.values(value) as unknown[]);
  }
}

function hasPrototype(value: object): boolean {
  if (!Object.hasOwn(value, "constructor")) return false;
  const own: unknown = Reflect.get(value, "constructor");
  return typeof own === "object" && own !== null && Object.hasOwn(own, "prototype");
}

/** The attributes of binary mode: `ce-*`, percent-decoded. */
function attributesOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const attributes: [string, string][] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(attributePrefix)) continue;
    const name = header.slice(attributePrefix.length);
    if (!attributeName.test(name) || name === "data")
      throw unreadable(400, header.slice(0, 80), "must be ce- and a name of lower-case letters and digits");
    attributes.push([name, decoded(header, [value].flat()[0] ?? "")]);
  }
  if (attributes.length === 0)
    throw new Problem(
      400,
      "No event",
      `a body of ${contentTypes[2]} is an event's data: send its attributes as ce-specversion, ce-id, ce-source, ce-type and ce-subject, or the whole event as ${contentTypes[0]}`,
      [{ field: "ce-specversion", remedy: "is missing" }],
    );
  return Object.fromEntries(attributes);
}

function decoded(header: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw unreadable(400, header, "must be percent-encoded UTF-8: %25 for %");
  }
}

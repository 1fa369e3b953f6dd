import { type ReadResult } from "@freshet/cache";
import { decodeVersionsHeader, encodeVersionsHeader, type Versions } from "@freshet/contracts";
import { invalidRequest } from "./problem.ts";

/** The request headers that a read heeds. */
export interface ReadHeaders {
  readonly "cache-control"?: string;
  readonly "min-version"?: string;
}

/** What is needed of Fastify's reply to set headers. */
export interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

/** What the headers of a request must be; the OpenAPI document says the same. */
export const headerPatterns = {
  ifMatch: /^(\*|"[0-9]{1,16}"([ \t]*,[ \t]*"[0-9]{1,16}")*)$/,
  idempotencyKey: /^[!-~]{1,255}$/,
} as const;

/**
 * The versions that If-Match allows; undefined when any is allowed.
 * @throws Problem 400
 */
export function parseIfMatch(header: string | undefined): ReadonlySet<number> | undefined {
  if (header === undefined || header === "*") return undefined;
  if (headerPatterns.ifMatch.test(header)) return new Set(header.match(/\d+/g)?.map(Number));
  throw invalidRequest([{ field: "If-Match", remedy: 'must be * or an ETag of this profile, such as "7"' }]);
}

/**
 * The key under which a request is sent again.
 * @throws Problem 400
 */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || headerPatterns.idempotencyKey.test(header)) return header;
  const remedy = "must be 1 to 255 printable ASCII characters without blanks, such as a UUID";
  throw invalidRequest([{ field: "Idempotency-Key", remedy }]);
}

/**
 * The versions that the caller must see, from `Min-Version`.
 * @throws Problem 400
 */
function parseMinVersion(header: string | undefined): Versions {
  const versions = header === undefined ? {} : decodeVersionsHeader(header);
  if (versions) return versions;
  throw invalidRequest([{ field: "Min-Version", remedy: "must be entity:id=version, such as profile:42=7" }]);
}

/** What a read's headers ask of the cache. @throws Problem 400 */
export function readOptions({ "cache-control": cacheControl, "min-version": minVersion }: ReadHeaders): {
  readonly min: Versions;
  readonly bypass: boolean;
} {
  return { min: parseMinVersion(minVersion), bypass: wantsPrimary(cacheControl) };
}

/** Whether the caller wants the primary's answer: another service's loader must never read through our cache. */
function wantsPrimary(cacheControl: string | undefined): boolean {
  return cacheControl?.split(",").some((directive) => directive.trim().toLowerCase() === "no-cache") ?? false;
}

/** Where the answer came from: `X-Cache: HIT | MISS | BYPASS`. */
export function setOutcome(reply: ReplyHeaders, outcome: ReadResult<unknown>["outcome"]): void {
  reply.header("x-cache", outcome.toUpperCase());
}

/** ETag and Freshness-Token of one profile; the token comes back as another request's Min-Version. */
export function setVersion(reply: ReplyHeaders, { id, version }: { id: string; version: number }): void {
  reply.header("etag", `"${version}"`);
  reply.header("freshness-token", encodeVersionsHeader({ [`profile:${id}`]: version }));
}

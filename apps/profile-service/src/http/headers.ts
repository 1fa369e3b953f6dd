import { type ReadResult } from "@freshet/cache";
import { decodeVersionsHeader, encodeVersionsHeader, type Versions } from "@freshet/contracts";
import { invalidRequest } from "./problem.ts";

/** What is needed of Fastify's reply to set headers. */
export interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

/**
 * The versions that If-Match allows; undefined when any is allowed.
 * @throws Problem 400
 */
export function parseIfMatch(header: string | undefined): ReadonlySet<number> | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  const versions = header.split(",").map((tag) => Number(/^\s*"(\d{1,16})"\s*$/.exec(tag)?.[1] ?? NaN));
  if (versions.every((version) => Number.isSafeInteger(version))) return new Set(versions);
  throw invalidRequest([{ field: "If-Match", remedy: 'must be * or an ETag of this profile, such as "7"' }]);
}

/**
 * The versions that the caller must see, from `Min-Version`.
 * @throws Problem 400
 */
export function parseMinVersion(header: string | undefined): Versions {
  const versions = header === undefined ? {} : decodeVersionsHeader(header);
  if (versions) return versions;
  throw invalidRequest([{ field: "Min-Version", remedy: "must be entity:id=version, such as profile:42=7" }]);
}

/** Whether the caller wants the primary's answer: another service's loader must never read through our cache. */
export function wantsPrimary(cacheControl: string | undefined): boolean {
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

import { isWellFormed } from "./cache-key.ts";

/** Versions by entity key (`profile:42` → 7); compared only within one entity. */
export type Versions = Readonly<Record<string, number>>;

/** What stands under a cache key, recognised by its fields (never by memcached's flags). */
export type Cached =
  | { readonly kind: "value"; readonly versions: Versions; readonly data: unknown; readonly tags: TagTokens }
  | { readonly kind: "lease"; readonly id: string }
  | { readonly kind: "foreign" };

/** Tag key → the random token that the value was built under. */
export type TagTokens = Readonly<Record<string, string>>;

const leaseId = /^[0-9a-f]{16}$/;
const foreign: Cached = { kind: "foreign" };

/** The name of an entity inside `vs`: `entity:id`, split at the first colon. */
export function entityKey(entity: string, id: string): string {
  return `${entity}:${id}`;
}

/** The stored form of a value: `{"vs":…,"d":…}`, with `"t"` only where there are tags. Absent row: data null. */
export function encodeCachedValue(value: { versions: Versions; data: unknown; tags?: TagTokens }): string {
  const tagged = value.tags !== undefined && Object.keys(value.tags).length > 0;
  return JSON.stringify({ vs: value.versions, d: value.data ?? null, ...(tagged ? { t: value.tags } : {}) });
}

/** The stored form of a lease stub: `{"l":"<16 hex>"}`. The id is for people; safety rests on the CAS unique. */
export function encodeLease(id: string): string {
  return JSON.stringify({ l: id });
}

/**
 * Reads whatever stands under a key; anything that is neither a value nor a lease is foreign. Never throws. Written
 * by hand: every hit goes through it, and a schema takes several times as long as the parsing itself.
 */
export function decodeCached(bytes: Buffer): Cached {
  if (bytes[0] !== 0x7b) return foreign; // not '{'
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString("utf8"));
  } catch {
    return foreign;
  }
  if (!isRecord(json)) return foreign;
  const { vs, d, t, l } = json;
  if (isVersions(vs) && d !== undefined && (t === undefined || isTagTokens(t)))
    return { kind: "value", versions: vs, data: d, tags: t ?? noTags };
  return typeof l === "string" && leaseId.test(l) ? { kind: "lease", id: l } : foreign;
}

const noTags: TagTokens = {};

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** `entity:id`, split at the first colon, to whole numbers from 0. */
function isVersions(json: unknown): json is Versions {
  if (!isRecord(json)) return false;
  for (const entity in json) {
    const version = json[entity];
    if (entity.indexOf(":") < 1 || !isWellFormed(entity)) return false;
    if (!Number.isSafeInteger(version) || Number(version) < 0) return false;
  }
  return true;
}

function isTagTokens(json: unknown): json is TagTokens {
  return isRecord(json) && Object.values(json).every((token) => typeof token === "string");
}

/** Whether `versions` is at least `min` for every entity that `min` names; an entity missing from it is unknown. */
export function satisfies(versions: Versions, min: Versions): boolean {
  for (const entity of Object.keys(min)) {
    const cached = Object.hasOwn(versions, entity) ? versions[entity] : undefined;
    if (cached === undefined || cached < (min[entity] ?? 0)) return false;
  }
  return true;
}

/** The value of the headers `Freshness-Token` and `Min-Version`: `profile:42=7,team:t1=3`, ids percent-encoded. */
export function encodeVersionsHeader(versions: Versions): string {
  return Object.entries(versions)
    .map(([key, value]) => {
      const colon = key.indexOf(":");
      return `${key.slice(0, colon)}:${encodeURIComponent(key.slice(colon + 1))}=${value}`;
    })
    .join(",");
}

/** Reads `Min-Version` (of an entity named twice the higher); undefined unless it is `entity:id=version[,…]`. */
export function decodeVersionsHeader(header: string): Versions | undefined {
  const versions = new Map<string, number>();
  for (const part of header.split(",")) {
    const match = /^\s*([^:=,\s]+):([^:=,\s]+)=(\d{1,16})\s*$/.exec(part);
    const [, entity, id, digits] = match ?? [];
    if (entity === undefined || id === undefined || !Number.isSafeInteger(Number(digits))) return undefined;
    try {
      const key = entityKey(entity, decodeURIComponent(id));
      versions.set(key, Math.max(versions.get(key) ?? 0, Number(digits)));
    } catch {
      return undefined;
    }
  }
  return Object.fromEntries(versions);
}

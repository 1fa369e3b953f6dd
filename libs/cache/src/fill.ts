import { randomBytes } from "node:crypto";
import { type Cached, decodeCached, encodeLease } from "@freshet/contracts";
import {
  type CasAnswer,
  type CasToken,
  maxValueBytes,
  type MemcachedDriver,
  type StoredValue,
} from "./drivers/driver.ts";
import type { FillOutcome, MissReason } from "./events.ts";

/** Longer than the slowest load, in seconds. A stub without a life would outlive a crashed holder for ever. */
const leaseTtlSeconds = 10;
/** From before the capture to the fill, in milliseconds; less than the life of the lease. */
const fillDeadlineMs = 8_000;

const ttlJitter = 0.1;

/** A life ± 10 %, in seconds, so that what was filled together does not expire together. */
export function lifeSeconds(ttlSeconds: number, random: () => number): number {
  return Math.max(1, Math.floor(ttlSeconds * (1 + ttlJitter * (2 * random() - 1))));
}

const outcomeOf: Readonly<Record<CasAnswer, FillOutcome>> = {
  stored: "stored",
  exists: "overtaken",
  not_found: "invalidated",
  connection_changed: "connection_changed",
};

/** A cached value, whether it may be returned or not. */
export type CachedValue = Extract<Cached, { kind: "value" }>;

/** What a reader found under a key: a value, or something to capture, or nothing. */
type Found =
  | {
      readonly kind: "value";
      readonly cached: CachedValue;
      readonly cas: CasToken;
    }
  | { readonly kind: "unusable"; readonly reason: MissReason; readonly cas: CasToken }
  | { readonly kind: "absent" };

/** The same, or memcached did not answer. */
export type Seen = Found | { readonly kind: "unavailable" };

/** Step 1 of READ: what stands under the key. */
export function found(stored: StoredValue | undefined): Found {
  if (!stored) return { kind: "absent" };
  const cached = decodeCached(stored.value);
  if (cached.kind === "value") return { kind: "value", cached, cas: stored.cas };
  return { kind: "unusable", reason: cached.kind === "lease" ? "leased" : "foreign", cas: stored.cas };
}

/** After step 2: the lease is the reader's own, or what somebody else has put there meanwhile. */
export type Claimed = { readonly kind: "own"; readonly cas: CasToken } | Found;

/**
 * Step 2 of READ: takes the lease of an absent key, or captures what somebody else has put there meanwhile.
 * @throws FreshetError of the driver: then there is no capture
 */
export async function claim(driver: MemcachedDriver, key: string): Promise<Claimed> {
  const lease = encodeLease(randomBytes(8).toString("hex"));
  const added = await driver.add(key, Buffer.from(lease), leaseTtlSeconds);
  return added.stored ? { kind: "own", cas: added.cas } : found(await driver.get(key));
}

/** What a fill may compare with. */
export function tokenOf(seen: Claimed | Seen): CasToken | undefined {
  return "cas" in seen ? seen.cas : undefined;
}

/**
 * Step 4 of READ: one compare-and-swap on what was captured before the load began, one attempt.
 * @throws FreshetError of the driver: whether it is stored is unknown
 */
export async function fill(
  driver: MemcachedDriver,
  key: string,
  entry: { readonly encoded: string; readonly ttlSeconds: number },
  captured: { readonly token: CasToken | undefined; readonly agoMs: number },
): Promise<FillOutcome> {
  if (!captured.token) return "not_captured";
  if (captured.agoMs > fillDeadlineMs) return "too_late";
  const value = Buffer.from(entry.encoded);
  if (value.length > maxValueBytes) return "not_storable";
  return outcomeOf[await driver.cas(key, value, entry.ttlSeconds, captured.token)];
}

import type { FreshetError } from "@freshet/contracts";
import type { ReadStep } from "./steps.ts";

/**
 * Why a read did not hit at once: nothing was there; somebody holds the lease (whose value it may still get); the
 * value is older than the caller's `min`; a tag that it was built under is gone or another; what is there is no cached value, or no longer one of this view; memcached did not answer.
 */
export type MissReason =
  "absent" | "leased" | "too_old" | "tag_changed" | "foreign" | "invalid" | "unavailable";

/**
 * What became of a loaded value: stored; overtaken by another write; invalidated (or evicted) since the capture;
 * the connection changed; the load took too long; there was no capture; memcached did not say; the value does not
 * fit its own view's schema or memcached.
 */
export type FillOutcome =
  | "stored"
  | "overtaken"
  | "invalidated"
  | "connection_changed"
  | "too_late"
  | "not_captured"
  | "unknown"
  | "not_storable";

/** What a cache tells its `on` hook, by view; for metrics and logs. */
export type CacheEvent = { readonly view: string } & (
  | { readonly type: "hit" }
  | { readonly type: "miss"; readonly reason: MissReason }
  | { readonly type: "bypass" }
  | { readonly type: "load"; readonly seconds: number; readonly ok: boolean }
  | { readonly type: "fill"; readonly outcome: FillOutcome }
  | {
      readonly type: "error";
      /** The step of READ that memcached did not answer, or the writer's own delete. */
      readonly step: ReadStep | "delete";
      readonly node: string;
      readonly error: FreshetError;
    }
);

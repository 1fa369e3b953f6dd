// What `GET /live` sends. The page's modules take their types from here.
import type { Status } from "../operator/status.ts";

/** One pool over a stretch of time; null: no event in it. */
export interface Figures {
  readonly lagMessages: number;
  readonly lagSeconds: number;
  readonly eventsPerSecond: number;
  readonly keysPerSecond: number;
  readonly goneP50Ms: number | null;
  readonly goneP99Ms: number | null;
}

/** Figures by pool. Of a slot: the worst lag in it, and rates and percentiles over all of it. */
export interface Slot {
  readonly atMs: number;
  readonly pools: Readonly<Record<string, Figures>>;
}

/** One key of one event that was invalidated. */
export interface Invalidation {
  readonly atMs: number;
  readonly pool: string;
  readonly key: string;
  readonly node: string;
  /** `owed`: the node did not acknowledge, its debt stands in the commit metadata. */
  readonly action: "delete" | "refresh" | "owed";
  readonly event: string;
  readonly subject: string;
  readonly version: number;
  /** From the event's time, when its row was written; null: the event has none. */
  readonly goneMs: number | null;
}

/** The dependency graph as boxes and arrows; ids are positions. */
export interface Picture {
  readonly events: readonly { readonly type: string; readonly topic: string; readonly service: string }[];
  readonly views: readonly {
    readonly name: string;
    readonly key: string;
    readonly pool: string;
    readonly service: string;
    readonly onChange: "delete" | "refresh";
    /** Names of views that it is built from. */
    readonly derivedFrom: readonly string[];
    /** What reaches it, inherited dependencies included. */
    readonly reachedBy: readonly {
      readonly event: string;
      /** null: every field. */
      readonly fields: readonly string[] | null;
      readonly via: "own" | "derived" | "tag";
    }[];
  }[];
}

/** What another process says of itself, or why that is not known. */
type Known<T> = ({ readonly known: true } & T) | { readonly known: false; readonly why: string };

/** The outboxes of the services that publish: the oldest row, and all rows. */
export type Outbox = Known<{ readonly oldestAgeSeconds: number; readonly rows: number }>;

/** What the auditor's checks have found, at their longest horizon. */
export type Audit = Known<{
  readonly views: readonly {
    readonly pool: string;
    readonly view: string;
    readonly horizonSeconds: number;
    readonly fresh: number;
    readonly stale: number;
    /** Certain at 95 %: 0.999 is 3 nines. */
    readonly ninesAtLeast: number;
  }[];
  /** The newest first. */
  readonly violations: readonly {
    readonly at: string;
    readonly pool: string;
    readonly key: string;
    readonly node: string;
    /** null: built without the entity. */
    readonly cachedVersion: number | null;
    readonly committedVersion: number;
    readonly because: string;
  }[];
}>;

/** Once per connection. */
export interface Hello {
  readonly deployment: string;
  readonly startedAtMs: number;
  readonly slotSeconds: number;
  readonly slots: readonly Slot[];
  readonly invalidations: readonly Invalidation[];
  readonly picture: Picture;
}

/** Once a second. */
export interface Beat {
  readonly atMs: number;
  readonly status: Status;
  /** Rates over 10 s, percentiles over a minute. */
  readonly now: Slot;
  /** The slot that has just ended. */
  readonly slot: Slot | null;
  /** Since the last beat, the oldest first. */
  readonly invalidations: readonly Invalidation[];
  readonly outbox: Outbox;
  readonly audit: Audit;
}

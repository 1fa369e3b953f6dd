import type { ReadStep } from "@freshet/cache";

/** What the participants do; each field but for the sizes has one value that is ours, and others that are not. */
export interface Protocol {
  /** The steps of a read, in their order. */
  readonly read: readonly ReadStep[];
  /** What a fill sends. `setIfNewer` and `setIfOwnLease` compare and store in one instant, the best that they can be. */
  readonly fill: "cas" | "set" | "add" | "setIfNewer" | "setIfOwnLease";
  /** Whether a reader that finds somebody else's stub may load and fill over it. */
  readonly fillsOverLeases: boolean;
  readonly stubsExpire: boolean;
  /** After a time-out of an add: nothing is cached, or the same bytes are sent again. */
  readonly repeatsAdds: boolean;
  /** Whether a token is worth nothing on another connection than that of its capture. */
  readonly checksConnection: boolean;
  readonly invalidation: "delete" | "tombstone" | "deleteTag" | "incrementTag";
  readonly acknowledgesTimeOuts: boolean;
  readonly failsOver: boolean;
  readonly refresh: "none" | "cas" | "set" | "existsIsDone" | "captureAfterLoad";
  readonly loadsFrom: "primary" | "replica" | "gatedReplica";
}

/** How large the explored world is. Evictions, restarts, crashes, duplicates and old events are never bounded. */
export interface Bounds {
  readonly readers: number;
  readonly refreshers: number;
  /** Commits, the first row included. */
  readonly versions: number;
  /** Commands under way at once whose senders have given up waiting. */
  readonly late: number;
}

/** READ and INVALIDATE as docs/cache-protocol.md has them. */
export const plainKeys: Protocol = {
  read: ["lookUp", "claim", "load", "fill"],
  fill: "cas",
  fillsOverLeases: true,
  stubsExpire: true,
  repeatsAdds: false,
  checksConnection: true,
  invalidation: "delete",
  acknowledgesTimeOuts: false,
  failsOver: false,
  refresh: "none",
  loadsFrom: "primary",
};

/** READ, INVALIDATE and REFRESH side by side. */
export const refreshedKeys: Protocol = { ...plainKeys, refresh: "cas" };

/** TAGGED VALUES. */
export const taggedValues: Protocol = {
  ...plainKeys,
  read: ["lookUp", "claim", "captureTags", "load", "fill"],
  invalidation: "deleteTag",
};

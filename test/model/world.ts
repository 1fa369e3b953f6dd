import type { ReadStep, RefreshStep } from "@freshet/cache";
import type { Bounds, Protocol } from "./protocol.ts";

/** What a get or an add captured. */
export interface Token {
  readonly unique: number;
  /** False once memcached has restarted: it counts its uniques anew. */
  readonly isOfThisConnection: boolean;
}

export type Content =
  | { readonly kind: "value"; readonly version: number; readonly tag: number | undefined }
  | { readonly kind: "stub"; readonly owner: number }
  | { readonly kind: "tombstone" };

export type Item = Content & { readonly unique: number };

/** A command whose sender has given up waiting: memcached executes it later, or never. */
export type Late =
  | { readonly type: "add" | "set" | "setIfNewer"; readonly content: Content }
  | { readonly type: "setIfOwnLease"; readonly content: Content; readonly owner: number }
  | { readonly type: "cas"; readonly content: Content; readonly token: Token | undefined }
  | { readonly type: "addTag"; readonly tag: number };

export interface Reader {
  /** The step that it takes next. */
  readonly at: ReadStep;
  readonly token: Token | undefined;
  /** The tag's token that it captured. */
  readonly tag: number | undefined;
  /** A tag's token whose add was not answered, kept by those who send it again. */
  readonly sentTag: number | undefined;
  readonly snapshot: number | undefined;
}

export interface Refresher {
  readonly at: RefreshStep;
  /** The event's version; 0: it does nothing. */
  readonly version: number;
  readonly round: number;
  readonly token: Token | undefined;
  readonly snapshot: number | undefined;
}

/** Everything there is: the primary, one key and its tag in memcached, and those who use it. */
export interface World {
  /** The last committed version. */
  readonly row: number;
  /** The version that a replica has applied. */
  readonly replica: number;
  /** The newest version whose invalidation was acknowledged. */
  readonly acknowledged: number;
  /** What two nodes hold under the key. The second one is asked only by those who fail over. */
  readonly items: readonly [Item | undefined, Item | undefined];
  readonly isFirstNodeAway: boolean;
  readonly tag: number | undefined;
  readonly readers: readonly Reader[];
  readonly refreshers: readonly Refresher[];
  readonly late: readonly Late[];
}

export const idleReader: Reader = {
  at: "lookUp",
  token: undefined,
  tag: undefined,
  sentTag: undefined,
  snapshot: undefined,
};

export const idleRefresher: Refresher = {
  at: "lookUp",
  version: 0,
  round: 1,
  token: undefined,
  snapshot: undefined,
};

export function initialWorld({ readers, refreshers }: Bounds): World {
  return {
    row: 1,
    replica: 1,
    acknowledged: 0,
    items: [undefined, undefined],
    isFirstNodeAway: false,
    tag: undefined,
    readers: Array.from({ length: readers }, () => idleReader),
    refreshers: Array.from({ length: refreshers }, () => idleRefresher),
    late: [],
  };
}

function isTagged({ read }: Protocol): boolean {
  return read.includes("captureTags");
}

/** The node that clients ask now; undefined: none answers them. */
export function askedNode(world: World, { failsOver }: Protocol): 0 | 1 | undefined {
  if (!world.isFirstNodeAway) return 0;
  return failsOver ? 1 : undefined;
}

/** What a reader who comes now would take for a hit. */
export function servedVersion(world: World, protocol: Protocol): number | undefined {
  const node = askedNode(world, protocol);
  const item = node === undefined ? undefined : world.items[node];
  if (item?.kind !== "value") return undefined;
  if (isTagged(protocol) && (item.tag === undefined || item.tag !== world.tag)) return undefined;
  return item.version;
}

export function withReader(world: World, index: number, reader: Reader): World {
  return { ...world, readers: world.readers.with(index, reader) };
}

export function withRefresher(world: World, index: number, refresher: Refresher): World {
  return { ...world, refreshers: world.refreshers.with(index, refresher) };
}

export function withLate(world: World, late: Late): World {
  return { ...world, late: [...world.late, late] };
}

export function acknowledge(world: World, version: number): World {
  return { ...world, acknowledged: Math.max(world.acknowledged, version) };
}

/** What a load that begins now sees. */
export function snapshotOf(world: World, { loadsFrom }: Protocol): number {
  return loadsFrom === "primary" ? world.row : world.replica;
}

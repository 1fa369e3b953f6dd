import {
  type CacheKey,
  encodeCachedValue,
  FreshetError,
  satisfies,
  type Versions,
  type ViewDefinition,
} from "@freshet/contracts";
import type { NodeAnswer } from "./bulk-invalidate.ts";
import { maxValueBytes, type MemcachedDriver } from "./drivers/driver.ts";
import { found, lifeSeconds } from "./fill.ts";
import type { CachePool } from "./pool.ts";
import { storedForm } from "./stored-form.ts";
import { type Loaded, versionsOf } from "./versioned.ts";

/** One key to renew, of a view whose keys follow from the event's subject alone. */
export interface RefreshItem {
  readonly key: CacheKey;
  /** The event's subject as cached values name it: `profile:42`. */
  readonly subject: string;
  /** The event's version. */
  readonly version: number;
  /** Of the view, in seconds. */
  readonly ttlSeconds: number;
}

/** What the primary has now; data null: there is no such row. */
export interface RefreshedValue {
  readonly versions: Versions;
  readonly data: unknown;
}

/**
 * What a loader found, as a refresh stores it: the versions of its rows, and what the view's schema lets through.
 * A service answers its internal views with it.
 * @throws FreshetError CONTRACT_INVALID for what is no value of the view
 */
export async function refreshedValue<Value>(
  view: ViewDefinition<string, string, Value>,
  params: Readonly<Record<string, string | number>>,
  loaded: Loaded<Value>,
): Promise<RefreshedValue> {
  const form = await storedForm(view, loaded.value);
  if (!form)
    throw new FreshetError("CONTRACT_INVALID", `${view.name}: the loader answered no value of the view`);
  return { versions: versionsOf(view, params, loaded), data: form.data };
}

/** Why a key was deleted and not renewed. */
export type RefreshRefusal =
  | "load_failed"
  | "row_absent"
  | "load_too_old"
  | "too_large"
  | "overtaken"
  | "connection_changed"
  | "unavailable";

/**
 * What a refresh came to: the key is absent, or stands at the event's version or above; renewed; invalidated
 * meanwhile; deleted, and why. "unknown": not even the delete was acknowledged.
 */
export type RefreshOutcome = "absent" | "newer" | "stored" | "gone" | "deleted" | "unknown";

/** What became of a refresh. */
export interface RefreshResult {
  readonly outcome: RefreshOutcome;
  readonly refusal?: RefreshRefusal;
  /** What the loader or memcached threw. */
  readonly cause?: unknown;
  /** Every owner of the key; after an error the node missed this event. */
  readonly nodes: ReadonlyMap<string, NodeAnswer>;
}

type Settled = "absent" | "newer" | "stored" | "gone";
type Refusal = { readonly refusal: RefreshRefusal; readonly cause?: unknown };

/** How a refresh is done. */
export interface RefreshOptions {
  /** Awaited before each delete, such as for a rate; what it rejects with, the refresh rejects with. */
  readonly beforeDelete?: () => Promise<void>;
}

const maxRounds = 3;

/**
 * REFRESH of the cache protocol: renews a key that is there, where readers look for it; owners under previous node
 * lists are sent a delete. `load` reads the primary; it is called once per round. Never rejects because of a node
 * or of the loader: in any doubt the key is deleted.
 */
export async function refresh(
  pool: CachePool,
  item: RefreshItem,
  load: () => Promise<RefreshedValue>,
  { beforeDelete = () => Promise.resolve() }: RefreshOptions = {},
): Promise<RefreshResult> {
  const reader = pool.readerNodeOf(item.key);
  const others = pool.ownersOf(item.key).filter((node) => node !== reader);
  const deleteOn = async (node: string): Promise<NodeAnswer> => {
    await beforeDelete();
    return await answerOf(pool.driver(node).delete(item.key));
  };
  const [renewed, ...deleted] = await Promise.all([
    renewOrDelete(pool.driver(reader), item, load, () => deleteOn(reader)),
    ...others.map(async (node) => [node, await deleteOn(node)] as const),
  ]);
  const { answer, ...result } = renewed;
  return { ...result, nodes: new Map([[reader, answer], ...deleted]) };
}

async function renewOrDelete(
  driver: MemcachedDriver,
  item: RefreshItem,
  load: () => Promise<RefreshedValue>,
  deleteIt: () => Promise<NodeAnswer>,
): Promise<Omit<RefreshResult, "nodes"> & { readonly answer: NodeAnswer }> {
  const settled = await renew(driver, item, load).catch(unavailable);
  if (typeof settled === "string") return { outcome: settled, answer: "acknowledged" };
  const answer = await deleteIt();
  return { outcome: answer === "acknowledged" ? "deleted" : "unknown", answer, ...settled };
}

/** @throws FreshetError of the driver */
async function renew(
  driver: MemcachedDriver,
  { key, subject, version, ttlSeconds }: RefreshItem,
  load: () => Promise<RefreshedValue>,
): Promise<Settled | Refusal> {
  const atLeast: Versions = { [subject]: version };
  for (let round = 1; round <= maxRounds; round++) {
    // Step 1. An absent key is never stored: nobody asked for it, and there is nothing to compare with.
    const standing = found(await driver.get(key));
    if (standing.kind === "absent") return "absent";
    if (standing.kind === "value" && satisfies(standing.cached.versions, atLeast)) return "newer";
    // Step 2.
    const loaded = await load().catch((cause: unknown): Refusal => ({ refusal: "load_failed", cause }));
    if ("refusal" in loaded) return loaded;
    if (loaded.data === null || loaded.data === undefined) return { refusal: "row_absent" };
    if (!satisfies(loaded.versions, atLeast)) return { refusal: "load_too_old" };
    // Step 3.
    const value = Buffer.from(encodeCachedValue(loaded));
    if (value.length > maxValueBytes) return { refusal: "too_large" };
    const answer = await driver.cas(key, value, lifeSeconds(ttlSeconds, Math.random), standing.cas);
    if (answer === "stored") return "stored";
    if (answer === "not_found") return "gone";
    if (answer === "connection_changed") return { refusal: answer };
  }
  return { refusal: "overtaken" };
}

function unavailable(cause: unknown): Refusal {
  if (cause instanceof FreshetError) return { refusal: "unavailable", cause };
  throw cause;
}

async function answerOf(deleted: Promise<unknown>): Promise<NodeAnswer> {
  try {
    await deleted;
    return "acknowledged";
  } catch (error) {
    if (error instanceof FreshetError) return error;
    throw error;
  }
}

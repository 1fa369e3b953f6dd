import { type CacheKey, type ChangeEvent } from "@freshet/contracts";
import { type HandedOn, type KeySink, type PoolGraph, type UnlistedPlan } from "./pool-graph.ts";
import { type PlannedRefresh } from "./rule.ts";

/**
 * The plans of one batch as one: each key once, and what became of each event (the counts add up to the events). A
 * delete overrules a refresh, and a refresh one of an older version: whatever the order, the result is the same.
 */
export class CoalescedPlan implements KeySink {
  /** What is deleted: bare keys, since most of what is planned is this and a batch has thousands. */
  readonly deletes = new Set<CacheKey>();
  /** What is renewed; none of it is deleted. */
  readonly refreshes = new Map<CacheKey, PlannedRefresh>();
  /** Events that brought a key of their own. */
  applied = 0;
  /** Events whose every key is taken care of by another event of the batch. */
  superseded = 0;
  /** Events that touch nothing in this pool, of skipped types included. */
  unaffected = 0;

  /** Adds what an event does; a plan without a list of keys is answered instead. */
  add(graph: PoolGraph, event: ChangeEvent, sliceKeys?: number): HandedOn | UnlistedPlan {
    const known = this.size;
    const handedOn = graph.planInto(this, event, sliceKeys);
    if (handedOn === "nothing") this.unaffected += 1;
    else if (typeof handedOn === "string") this.#count(known);
    return handedOn;
  }

  /** Deletes a key, whatever else is planned for it. */
  delete(key: CacheKey): void {
    this.deletes.add(key);
    if (this.refreshes.size > 0) this.refreshes.delete(key);
  }

  /** Keys of both kinds. */
  get size(): number {
    return this.deletes.size + this.refreshes.size;
  }

  /** Renews a key, unless it is deleted or renewed to a later version. */
  refresh(planned: PlannedRefresh): void {
    const { key, version } = planned;
    if (this.deletes.has(key)) return;
    const earlier = this.refreshes.get(key);
    if (!earlier || version > earlier.version) this.refreshes.set(key, planned);
  }

  #count(known: number): void {
    if (this.size > known) this.applied += 1;
    else this.superseded += 1;
  }
}

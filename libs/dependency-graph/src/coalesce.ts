import { type CacheKey } from "@freshet/contracts";
import { type Plan } from "./pool-graph.ts";
import { type PlannedRefresh } from "./rule.ts";

/** A plan whose keys are all there; those of the other kinds are handled one by one. */
export type CoalescablePlan = Exclude<Plan, { kind: "undecodable" | "slices" }>;

/**
 * The plans of one batch as one: each key once, and what became of each event (the counts add up to the events). A
 * delete overrules a refresh, and a refresh one of an older version: whatever the order, the result is the same.
 */
export class CoalescedPlan {
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

  add(plan: CoalescablePlan): void {
    if (plan.kind !== "keys") {
      this.unaffected += 1;
      return;
    }
    const known = this.size;
    for (const planned of plan.keys)
      if (planned.action === "delete") this.delete(planned.key);
      else this.#refresh(planned);
    if (this.size > known) this.applied += 1;
    else this.superseded += 1;
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

  #refresh(planned: PlannedRefresh): void {
    const { key, version } = planned;
    if (this.deletes.has(key)) return;
    const earlier = this.refreshes.get(key);
    if (!earlier || version > earlier.version) this.refreshes.set(key, planned);
  }
}

/** Unites the plans of one batch in one pass. */
export function coalesce(plans: Iterable<CoalescablePlan>): CoalescedPlan {
  const coalesced = new CoalescedPlan();
  for (const plan of plans) coalesced.add(plan);
  return coalesced;
}

import { type CacheKey } from "@freshet/contracts";
import { type Plan } from "./pool-graph.ts";
import { type PlannedKey } from "./rule.ts";

/** A batch of plans as one: each key once, and what became of each event (the counts add up to the events). */
export interface CoalescedPlan {
  readonly keys: ReadonlyMap<CacheKey, PlannedKey>;
  /** Events that brought a key of their own. */
  readonly applied: number;
  /** Events whose every key is taken care of by another event of the batch. */
  readonly superseded: number;
  /** Events that touch nothing in this pool, of skipped types included. */
  readonly unaffected: number;
}

/** A plan whose keys are all there; those of the other kinds are handled one by one. */
export type CoalescablePlan = Exclude<Plan, { kind: "undecodable" | "slices" }>;

/** Unites the plans of one batch in one pass. */
export function coalesce(plans: Iterable<CoalescablePlan>): CoalescedPlan {
  const keys = new Map<CacheKey, PlannedKey>();
  const counts = { applied: 0, superseded: 0, unaffected: 0 };
  for (const plan of plans) {
    if (plan.kind !== "keys") {
      counts.unaffected += 1;
      continue;
    }
    const known = keys.size;
    for (const planned of plan.keys) {
      const earlier = keys.get(planned.key);
      if (!earlier || overrules(planned, earlier)) keys.set(planned.key, planned);
    }
    counts[keys.size > known ? "applied" : "superseded"] += 1;
  }
  return { keys, ...counts };
}

/** A delete overrules a refresh, and a refresh one of an older version: whatever the order, the result is the same. */
function overrules(planned: PlannedKey, earlier: PlannedKey): boolean {
  if (earlier.action === "delete") return false;
  return planned.action === "delete" || planned.version > earlier.version;
}

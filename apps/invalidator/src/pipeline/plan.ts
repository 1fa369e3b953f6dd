import type { CacheKey } from "@freshet/contracts";
import {
  type CoalescablePlan,
  coalesce,
  type PlannedKey,
  type PoolGraph,
  type SlicedPlan,
} from "@freshet/dependency-graph";
import type { DecodedBatch, Undecodable } from "./decode.ts";
import { type Renewal, renewalsOf } from "../owners/renew.ts";

/** What one batch does to one pool: every key once, and how each event ended (I8). */
export interface BatchPlan {
  readonly keys: ReadonlyMap<CacheKey, PlannedKey>;
  /** Those of `keys` that are renewed. */
  readonly renewals: readonly Renewal[];
  /** Events that expand to too many keys to hold at once. */
  readonly slices: readonly SlicedPlan[];
  readonly letters: readonly Undecodable[];
  readonly applied: number;
  readonly superseded: number;
  readonly unaffected: number;
  /** Dead letters some of whose keys could not be worked out. */
  readonly effectUnknown: number;
  /** Events whose Kafka key is missing or not their subject: processed, but their order is not promised. */
  readonly foreignKeys: number;
  /** When the rows of the applied and superseded events were written, in ms since 1970, and what is done for them. */
  readonly written: readonly { readonly atMs: number; readonly action: PlannedKey["action"] }[];
}

/** Step 3 of the invalidation path: change events → one plan for the batch. Pure; never throws. */
export function planBatch(batch: DecodedBatch, topic: string, graph: PoolGraph): BatchPlan {
  const plans: CoalescablePlan[] = [];
  const slices: SlicedPlan[] = [];
  const letters = [...batch.undecodable];
  const written: { atMs: number; action: PlannedKey["action"] }[] = [];
  let foreignKeys = 0;
  for (const { message, event } of batch.events) {
    if (message.key?.toString("utf8") !== event.subject) foreignKeys += 1;
    const plan = graph.plan(event);
    if (plan.kind === "undecodable") {
      letters.push({ message, reason: plan.reason, detail: plan.detail, entityId: event.subject });
      continue;
    }
    if (plan.kind === "slices") slices.push(plan);
    else plans.push(plan);
    if (event.time !== undefined && (plan.kind === "keys" || plan.kind === "slices")) {
      const refreshes = plan.kind === "keys" && plan.keys.some(({ action }) => action === "refresh");
      written.push({ atMs: Date.parse(event.time), action: refreshes ? "refresh" : "delete" });
    }
  }
  const rescued = letters.map(({ entityId }) =>
    entityId === undefined ? [] : graph.subjectKeys(topic, entityId),
  );
  const coalesced = coalesce(plans);
  const keys = new Map(coalesced.keys);
  for (const planned of rescued.flat()) keys.set(planned.key, planned);
  return {
    keys,
    renewals: renewalsOf(keys.values(), graph),
    slices,
    letters,
    applied: coalesced.applied + slices.length,
    superseded: coalesced.superseded,
    unaffected: coalesced.unaffected,
    effectUnknown: letters.filter(({ entityId }) => entityId === undefined || graph.hasOtherViews(topic))
      .length,
    foreignKeys,
    written,
  };
}

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
  /** An event that expands to too many keys to hold at once; it has a plan for itself. */
  readonly sliced: SlicedPlan | undefined;
  /** Offset of the first message that is left to the next plan of this batch; undefined: none is. */
  readonly end: bigint | undefined;
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

/**
 * Step 3 of the invalidation path: change events → one plan for the batch. It ends before an event that expands to
 * more than `sliceKeys` keys, and after one that it begins with: what comes before such an event is committed before
 * its many deletes begin, and nothing of it is done again if they are cut off. Pure; never throws.
 */
export function planBatch(
  batch: DecodedBatch,
  topic: string,
  graph: PoolGraph,
  sliceKeys: number,
): BatchPlan {
  const plans: CoalescablePlan[] = [];
  const refused: Undecodable[] = [];
  const written: { atMs: number; action: PlannedKey["action"] }[] = [];
  let foreignKeys = 0;
  let sliced: SlicedPlan | undefined;
  let end: bigint | undefined;
  for (const [index, { message, event }] of batch.events.entries()) {
    const plan = graph.plan(event, sliceKeys);
    if (plan.kind === "slices") {
      const offset = BigInt(message.offset);
      const isFirst =
        index === 0 && batch.undecodable.every((letter) => BigInt(letter.message.offset) > offset);
      end = isFirst ? offset + 1n : offset;
      if (!isFirst) break;
      sliced = plan;
    }
    if (message.key?.toString("utf8") !== event.subject) foreignKeys += 1;
    if (plan.kind === "undecodable") {
      refused.push({ message, reason: plan.reason, detail: plan.detail, entityId: event.subject });
      continue;
    }
    if (event.time !== undefined && (plan.kind === "keys" || plan.kind === "slices")) {
      const refreshes = plan.kind === "keys" && plan.keys.some(({ action }) => action === "refresh");
      written.push({ atMs: Date.parse(event.time), action: refreshes ? "refresh" : "delete" });
    }
    if (plan.kind === "slices") break;
    plans.push(plan);
  }
  const isIncluded = ({ message }: Undecodable) => end === undefined || BigInt(message.offset) < end;
  const letters = [...batch.undecodable.filter(isIncluded), ...refused];
  const rescued = letters.map(({ entityId }) =>
    entityId === undefined ? [] : graph.subjectKeys(topic, entityId),
  );
  const coalesced = coalesce(plans);
  const keys = new Map(coalesced.keys);
  for (const planned of rescued.flat()) keys.set(planned.key, planned);
  return {
    keys,
    renewals: renewalsOf(keys.values(), graph),
    sliced,
    end,
    letters,
    applied: coalesced.applied + (sliced ? 1 : 0),
    superseded: coalesced.superseded,
    unaffected: coalesced.unaffected,
    effectUnknown: letters.filter(({ entityId }) => entityId === undefined || graph.hasOtherViews(topic))
      .length,
    foreignKeys,
    written,
  };
}

import type { CacheKey, ChangeEvent } from "@freshet/contracts";
import { CoalescedPlan, type PoolGraph, type SlicedPlan } from "@freshet/dependency-graph";
import type { DecodedEvent, Undecodable } from "./decode.ts";
import { type Renewal, renewalsOf } from "../owners/renew.ts";
import { timeMs } from "../event-time.ts";

/** What one batch does to one pool: every key once, and how each event ended (I8). */
export interface BatchPlan {
  readonly deletes: readonly CacheKey[];
  /** Keys that are renewed; none of them is deleted. */
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
  /** Of the applied and superseded events. */
  readonly written: Written;
  /** Messages that were change events, those included that the graph refused. */
  readonly events: number;
  /** The last of them, for those who look on. */
  readonly latest: readonly ChangeEvent[];
}

const latestEvents = 5;

/** When the rows of events were written, in ms since 1970, by what is done for them. */
interface Written {
  readonly delete: number[];
  readonly refresh: number[];
}

/**
 * Step 3 of the invalidation path: change events → one plan for the batch. It ends before an event that expands to
 * more than `sliceKeys` keys, and after one that it begins with: what comes before such an event is committed before
 * its many deletes begin, and nothing of it is done again if they are cut off. Pure; never throws.
 */
export function planBatch(
  batch: Iterable<DecodedEvent | Undecodable>,
  topic: string,
  graph: PoolGraph,
  sliceKeys: number,
): BatchPlan {
  const coalesced = new CoalescedPlan();
  const letters: Undecodable[] = [];
  const latest: ChangeEvent[] = [];
  const written: Written = { delete: [], refresh: [] };
  let [events, foreignKeys] = [0, 0];
  let sliced: SlicedPlan | undefined;
  let end: bigint | undefined;
  for (const decoded of batch) {
    if (!("event" in decoded)) {
      letters.push(decoded);
      continue;
    }
    const { message, event } = decoded;
    const done = coalesced.add(graph, event, sliceKeys);
    const isListed = typeof done === "string";
    if (!isListed && done.kind === "slices") {
      const offset = BigInt(message.offset);
      const isFirst = events + letters.length === 0;
      end = isFirst ? offset + 1n : offset;
      if (!isFirst) break;
      sliced = done;
    }
    events += 1;
    latest.push(event);
    if (latest.length > latestEvents) latest.shift();
    if (!isKeyOf(message.key, event.subject)) foreignKeys += 1;
    if (!isListed && done.kind === "undecodable") {
      letters.push({ message, reason: done.reason, detail: done.detail, entityId: event.subject });
      continue;
    }
    const action = isListed ? done : "delete";
    if (event.time !== undefined && action !== "nothing") written[action].push(timeMs(event.time));
    if (sliced) break;
  }
  for (const { entityId } of letters)
    if (entityId !== undefined) coalesced.deleteAll(graph.subjectKeys(topic, entityId).map(({ key }) => key));
  const { applied, superseded, unaffected, deletes, refreshes } = coalesced;
  return {
    deletes,
    renewals: renewalsOf(refreshes.values(), graph),
    sliced,
    end,
    letters,
    applied: applied + (sliced ? 1 : 0),
    superseded,
    unaffected,
    effectUnknown: letters.filter(({ entityId }) => entityId === undefined || graph.hasOtherViews(topic))
      .length,
    foreignKeys,
    written,
    events,
    latest,
  };
}

/** Whether the bytes of a Kafka key are this subject; most are ASCII, which is told without making a text of them. */
function isKeyOf(key: Buffer | null, subject: string): boolean {
  if (key === null) return false;
  for (let at = 0; at < subject.length; at += 1) {
    const unit = subject.charCodeAt(at);
    if (unit > 0x7f) return key.toString("utf8") === subject;
    if (key[at] !== unit) return false;
  }
  return key.length === subject.length;
}

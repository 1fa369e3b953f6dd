import type { CommitMetadata } from "@freshet/kafka";

/** Where an event lies. */
export interface EventPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** What the broker says of a pool's group in the partition of an event. */
export interface GroupPosition {
  readonly committed: bigint | undefined;
  readonly metadata: CommitMetadata | undefined;
  /** Members of the group; undefined: not asked. */
  readonly members?: number | undefined;
}

/** Which step between an event and its deletion is the one that is missing. */
export type LateStep =
  /** The change is not in its topic, as far back as was read. */
  | { readonly step: "publish" }
  /** The group has not come to the event. */
  | { readonly step: "consume"; readonly committed: string | null; readonly nobodyReads: boolean }
  /** The group has passed the event, and its commit names the node among those that missed deletions. */
  | { readonly step: "node"; readonly missedSince: string }
  /** The group has passed it under another node list than readers have. */
  | { readonly step: "topology"; readonly invalidated: string; readonly read: string }
  /** Somebody else moved the group past it: a commit without our metadata. */
  | { readonly step: "moved" }
  /** Every node acknowledged: the old value came afterwards, or the event was passed over. */
  | { readonly step: "acknowledged" };

/** Why a value that an event should have removed is still there; `event` undefined: the topic has none. Pure. */
export function lateStep(
  event: EventPlace | undefined,
  { committed, metadata, members }: GroupPosition,
  { node, topology }: { readonly node: string; readonly topology: string },
): LateStep {
  if (event === undefined) return { step: "publish" };
  if (committed === undefined || committed <= event.offset)
    return { step: "consume", committed: committed?.toString() ?? null, nobodyReads: members === 0 };
  if (metadata === undefined) return { step: "moved" };
  const missedSince = metadata.miss === "*" ? 0n : metadata.miss[node];
  if (missedSince !== undefined && missedSince <= event.offset)
    return { step: "node", missedSince: missedSince.toString() };
  if (metadata.topo !== topology) return { step: "topology", invalidated: metadata.topo, read: topology };
  return { step: "acknowledged" };
}

/** The same for a person: what follows "because". */
export function lateStepText(
  step: LateStep,
  event: EventPlace | undefined,
  pool: string,
  node: string,
): string {
  const place = event === undefined ? "" : `${event.topic}/${event.partition}@${event.offset}`;
  switch (step.step) {
    case "publish":
      return "its topic has no event of that change: see the outbox of the service, or the change lies further back";
    case "consume": {
      const where = step.committed === null ? "has committed nothing" : `stands at ${step.committed}`;
      const who = step.nobodyReads ? ", and nobody reads for it" : "";
      return `the group of pool ${pool} ${where} and has not come to ${place}${who}`;
    }
    case "node":
      return `node ${node} has not acknowledged since offset ${step.missedSince} of ${event?.topic}/${event?.partition}`;
    case "topology":
      return `pool ${pool} is invalidated under another node list (${step.invalidated}) than it is read under (${step.read})`;
    case "moved":
      return `somebody else moved the group of pool ${pool} past ${place}`;
    case "acknowledged":
      return `${place} was acknowledged by every node: an old value came afterwards, from a client that does not fill by compare-and-swap, or the event was passed over`;
  }
}

import { isDeepStrictEqual } from "node:util";
import type { RefreshedValue } from "@freshet/cache";
import { decodeCached, type Versions } from "@freshet/contracts";

/** What a key must not be older than, by one event. */
export interface Check {
  readonly pool: string;
  readonly view: string;
  readonly service: string;
  readonly key: string;
  /** As cached values name it: `profile:42`. */
  readonly entity: string;
  readonly version: number;
  readonly eventId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** When the broker appended the event, in ms. */
  readonly appendedMs: number;
}

/** How a check ends. Only `fresh` and `stale` count in the share. */
export type Verdict = "fresh" | "stale" | "unconfirmed" | "unanswered";

/** A value that may be older than the event, by what it says of itself. */
export interface Suspect {
  readonly check: Check;
  readonly node: string;
  /** undefined: the value was not built from that entity, or says so. */
  readonly cachedVersion: number | undefined;
  readonly versions: Versions;
  readonly data: unknown;
  /** As it stands in memcached, to see whether it is the same a little later. */
  readonly bytes: Buffer;
}

/** What stands under the key of a check: nothing that a reader would be given as old, or a suspect. Pure. */
export function look(check: Check, node: string, bytes: Buffer | undefined): "fresh" | Suspect {
  if (bytes === undefined) return "fresh";
  const cached = decodeCached(bytes);
  // A reader takes neither a lease nor what is not of Freshet's.
  if (cached.kind !== "value") return "fresh";
  const { versions, data } = cached;
  const cachedVersion = Object.hasOwn(versions, check.entity) ? versions[check.entity] : undefined;
  if (cachedVersion !== undefined && cachedVersion >= check.version) return "fresh";
  return { check, node, cachedVersion, versions, data, bytes };
}

/** What the owner says to a suspect; a text: why it could not be asked. */
export type OwnerAnswer = RefreshedValue | string;

/** Pure. */
export function confirm({ check, cachedVersion, data }: Suspect, owner: OwnerAnswer): Verdict {
  if (typeof owner === "string") return "unconfirmed";
  // The event changed nothing that this view shows, or the value was filled anew without that entity.
  if (isDeepStrictEqual(data, owner.data)) return "fresh";
  const { [check.entity]: committed } = owner.versions;
  // An owner that has not got that far itself, a replica say, is no witness.
  if (committed !== undefined && committed < check.version) return "unconfirmed";
  // A value without the entity may lack a change that is later than this event: it has to stay the same for a while.
  return cachedVersion === undefined ? "unconfirmed" : "stale";
}

import { isDeepStrictEqual } from "node:util";
import type { RefreshedValue } from "@freshet/cache";
import type { Cached, Versions } from "@freshet/contracts";
import { type GroupPosition, type LateStep, lateStep, lateStepText } from "./late-step.ts";
import type { ReadEvent } from "./read-back.ts";

/** An event whose plan has the key. */
export type TouchingEvent = ReadEvent & { readonly entity: string };

/** What was found out about one key; a text in place of what could not be had says why. */
export interface Facts {
  readonly key: string;
  readonly view: string;
  readonly pool: string;
  /** The node that readers ask. */
  readonly node: string;
  /** Hash of the node list that readers have. */
  readonly topology: string;
  readonly cached: string | { readonly value: Cached; readonly expiresInSeconds: number | null } | undefined;
  /** What stands under the tags of the cached value now. */
  readonly tags: Readonly<Record<string, string | undefined>>;
  readonly owner: string | RefreshedValue;
  /** Oldest first; as far back as was read. */
  readonly events: string | readonly TouchingEvent[];
  /** Of the pool's group in the partition of an event. */
  readonly position: (event: TouchingEvent) => GroupPosition;
}

/** The versions that do not fit: what is cached, and what was committed. */
interface Older {
  readonly entity: string;
  /** undefined: the value was built without it. */
  readonly cached: number | undefined;
  readonly committed: number;
}

/** Why a reader gets from the cache what it gets. Holds no data of a value, only its versions. */
export interface Explanation {
  readonly key: string;
  readonly view: string;
  readonly pool: string;
  readonly node: string;
  /** `absent`, `leased`, `foreign` and `untagged`: nobody is given it, the next read loads. */
  readonly verdict: "fresh" | "stale" | "absent" | "leased" | "foreign" | "untagged" | "unknown";
  readonly sentence: string;
  readonly cached: {
    readonly versions: Versions;
    readonly expiresInSeconds: number | null;
    readonly tags: readonly { readonly tag: string; readonly isCurrent: boolean }[];
  } | null;
  readonly owner: { readonly versions: Versions; readonly sameData: boolean | null } | null;
  /** When the row was written that the cached value lacks. */
  readonly since: string | null;
  readonly late: LateStep | null;
  /** Newest first, at most ten. */
  readonly events: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: string;
    readonly at: string;
    readonly entity: string;
    readonly version: number;
    readonly change: string;
    readonly changedFields: readonly string[] | null;
    /** Whether the pool's group has committed past it. */
    readonly isCommitted: boolean;
    /** Whether the node has missed its deletion, by that commit. */
    readonly isOwed: boolean;
  }[];
  /** What could not be asked. */
  readonly unanswered: readonly string[];
}

/** Puts what was found out into one sentence, and the evidence beside it. Pure. */
export function explain(facts: Facts): Explanation {
  const { key, view, pool, node, cached, owner } = facts;
  const events = typeof facts.events === "string" ? [] : facts.events;
  const found = judge(facts, events);
  const value = typeof cached === "object" && cached.value.kind === "value" ? cached.value : undefined;
  return {
    key,
    view,
    pool,
    node,
    ...found,
    cached:
      typeof cached === "object" && value
        ? {
            versions: value.versions,
            expiresInSeconds: cached.expiresInSeconds,
            tags: Object.keys(value.tags).map((tag) => ({ tag, isCurrent: !isLost(facts, value.tags, tag) })),
          }
        : null,
    owner:
      typeof owner === "string"
        ? null
        : { versions: owner.versions, sameData: value ? isDeepStrictEqual(value.data, owner.data) : null },
    events: events
      .slice(-10)
      .reverse()
      .map((at) => ({
        topic: at.topic,
        partition: at.partition,
        offset: at.offset.toString(),
        at: at.event.time ?? new Date(at.appendedMs).toISOString(),
        entity: at.entity,
        version: at.event.data.version,
        change: at.event.data.change,
        changedFields: at.event.data.changedFields ?? null,
        isCommitted: (facts.position(at).committed ?? -1n) > at.offset,
        isOwed: lateStep(at, facts.position(at), facts).step === "node",
      })),
    unanswered: [cached, owner, facts.events].filter((answer) => typeof answer === "string"),
  };
}

type Judgement = Pick<Explanation, "verdict" | "sentence" | "since" | "late">;

function judge(facts: Facts, events: readonly TouchingEvent[]): Judgement {
  const { cached, owner, pool, node } = facts;
  const plain = (verdict: Explanation["verdict"], sentence: string): Judgement => ({
    verdict,
    sentence,
    since: null,
    late: null,
  });
  if (typeof cached === "string") return plain("unknown", `unknown, since ${cached}`);
  if (cached === undefined) return plain("absent", "not cached: the next read loads it");
  const { value } = cached;
  if (value.kind === "lease")
    return plain("leased", `being loaded under the lease ${value.id}: nobody is given anything old`);
  if (value.kind === "foreign") return plain("foreign", "not a value of Freshet's: readers load past it");
  const lost = Object.keys(value.tags).find((tag) => isLost(facts, value.tags, tag));
  if (lost !== undefined) return plain("untagged", `invalidated by its tag ${lost}: the next read loads it`);

  const older = olderThan(value.versions, owner, events);
  const known = typeof owner === "string" ? undefined : owner;
  const named = older[0];
  if (known !== undefined && isDeepStrictEqual(known.data, value.data))
    return plain(
      "fresh",
      named ? `fresh: ${pair(named)}, which changes nothing of it` : freshSentence(value.versions),
    );
  if (named === undefined && known === undefined)
    return plain("fresh", `${freshSentence(value.versions)}, as far as the events tell`);
  if (named === undefined && isAhead(value.versions, known?.versions ?? {}))
    return plain(
      "unknown",
      "unknown: its owner answers an older version than is cached; does it read a replica?",
    );
  const culprit = events.find(({ entity, event }) =>
    older.some((of) => of.entity === entity && event.data.version > (of.cached ?? 0)),
  );
  if (named === undefined)
    return plain("stale", "stale: its versions are those that its owner has, but its data is not");
  const late = lateStep(culprit, culprit ? facts.position(culprit) : noPosition, facts);
  const since = culprit ? (culprit.event.time ?? new Date(culprit.appendedMs).toISOString()) : null;
  const when = since === null ? "" : ` since ${since.slice(11, 19)}`;
  const sentence = `stale${when}, because ${lateStepText(late, culprit, pool, node)}: ${pair(named)}`;
  return { verdict: "stale", sentence, since, late };
}

const noPosition: GroupPosition = { committed: undefined, metadata: undefined };

/** Entities of which something newer was committed than the value was built from, as the owner and the events tell. */
function olderThan(cached: Versions, owner: Facts["owner"], events: readonly TouchingEvent[]): Older[] {
  const committed = new Map(typeof owner === "string" ? [] : Object.entries(owner.versions));
  for (const { entity, event } of events)
    // An event of an entity that the value does not name may be why it no longer does.
    if (Object.hasOwn(cached, entity) || committed.has(entity))
      committed.set(entity, Math.max(committed.get(entity) ?? 0, event.data.version));
  return [...committed].flatMap(([entity, version]) => {
    const has = Object.hasOwn(cached, entity) ? cached[entity] : undefined;
    return has === undefined || has < version ? [{ entity, cached: has, committed: version }] : [];
  });
}

function isAhead(cached: Versions, owner: Versions): boolean {
  return Object.entries(owner).some(([entity, version]) => (cached[entity] ?? 0) > version);
}

function isLost({ tags }: Facts, tokens: Readonly<Record<string, string>>, tag: string): boolean {
  return tags[tag] !== tokens[tag];
}

function freshSentence(versions: Versions): string {
  const entries = Object.entries(versions);
  const [only] = entries;
  if (only === undefined) return "fresh: there is no such row, and none is cached";
  if (entries.length === 1) return `fresh: cached ${only[1]}, committed ${only[1]}`;
  return `fresh: built from ${entries.length} rows, each as committed`;
}

function pair({ entity, cached, committed }: Older): string {
  return cached === undefined
    ? `cached without ${entity}, committed ${committed}`
    : `cached ${cached}, committed ${committed}`;
}

import { type CacheKey, type ChangeEvent } from "@freshet/contracts";
import { type HandedOn, type KeySink, type PoolGraph, type Rules, type UnlistedPlan } from "./pool-graph.ts";
import { type PlannedRefresh, type Rule } from "./rule.ts";

const all = (): boolean => true;
const none = (): boolean => false;

/**
 * The plans of one batch as one: each key once, and what became of each event (the counts add up to the events). A
 * delete overrules a refresh, and a refresh one of an older version: whatever the order, the result is the same.
 */
export class CoalescedPlan implements KeySink {
  /** Deleted keys that one rule alone gives, and it once for an entity: most of what is planned. */
  #ownKeys: CacheKey[] = [];
  /** Deleted keys that others may give, too. */
  readonly #sharedKeys = new Set<CacheKey>();
  /** The rules that were asked for an entity's keys, by its id. */
  readonly #asked = new Map<string, Rules>();
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

  /** What is deleted, each key once. */
  get deletes(): readonly CacheKey[] {
    return this.#sharedKeys.size === 0 ? this.#ownKeys : [...this.#ownKeys, ...this.#sharedKeys];
  }

  /** Deletes keys, whatever else is planned for them. */
  deleteAll(keys: Iterable<CacheKey>): void {
    for (const key of this.#ownKeys) this.#sharedKeys.add(key);
    this.#ownKeys = [];
    for (const key of keys) this.delete(key);
  }

  /** Keys of both kinds. */
  get size(): number {
    return this.#ownKeys.length + this.#sharedKeys.size + this.refreshes.size;
  }

  newTo(subject: string, rules: Rules): (rule: Rule) => boolean {
    const asked = this.#asked.get(subject);
    if (asked === rules) return none;
    if (!asked) {
      this.#asked.set(subject, rules);
      return all;
    }
    // A list is the graph's own; a set was made for this entity.
    const known = asked instanceof Set ? asked : new Set(asked);
    this.#asked.set(subject, known);
    return (rule) => known.size < known.add(rule).size;
  }

  deleteOwn(key: CacheKey): void {
    this.#ownKeys.push(key);
  }

  delete(key: CacheKey): void {
    this.#sharedKeys.add(key);
    if (this.refreshes.size > 0) this.refreshes.delete(key);
  }

  refresh(planned: PlannedRefresh): void {
    const { key, version } = planned;
    if (this.#sharedKeys.has(key)) return;
    const earlier = this.refreshes.get(key);
    if (!earlier || version > earlier.version) this.refreshes.set(key, planned);
  }

  #count(known: number): void {
    if (this.size > known) this.applied += 1;
    else this.superseded += 1;
  }
}

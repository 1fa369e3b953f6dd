import { type CacheKey, type ChangeEvent, encodeKeyParam, isWellFormed } from "@freshet/contracts";
import { type Effect, effectsOf, type ViewNode } from "./model.ts";
import { type Column, RoutingReader, sameColumn } from "./routing.ts";
import { type PlannedKey, type PlannedRefresh, Rule } from "./rule.ts";

/** What one event does to one pool. `detail` names the field, never its value. */
export type Plan =
  | { readonly kind: "skipped" }
  | { readonly kind: "unaffected" }
  | {
      readonly kind: "undecodable";
      readonly reason: "invalid_routing" | "too_many_keys";
      readonly detail: string;
    }
  | { readonly kind: "keys"; readonly keys: readonly PlannedKey[] }
  | SlicedPlan;

/** The plans that are no list of keys, though they do something or refuse to. */
export type UnlistedPlan = Extract<Plan, { kind: "undecodable" | "slices" }>;

/** The rules that an event concerns: a list of the graph, or a set made for this event. */
export type Rules = readonly Rule[] | Set<Rule>;

/** Takes the keys of plans. */
export interface KeySink {
  /** Tells once of each of these rules whether it was not yet handed on for this entity. */
  newTo(subject: string, rules: Rules): (rule: Rule) => boolean;
  /** Deletes a key that nothing but its rule gives. */
  deleteOwn(key: CacheKey): void;
  /** Deletes a key, whatever else is planned for it. */
  delete(key: CacheKey): void;
  /** Renews a key, unless it is deleted or renewed to a later version. */
  refresh(planned: PlannedRefresh): void;
}

/** What was handed on for an event: keys of which at least one is renewed, keys that are all deleted, or none. */
export type HandedOn = "refresh" | "delete" | "nothing";

/** An event that expands to too many keys for one list: executed slice by slice, never held as a whole. */
export interface SlicedPlan {
  readonly kind: "slices";
  /** How many keys, counting twice those that before and after share. */
  readonly size: number;
  readonly slices: number;
  /** The keys of slice number `n` (0 ≤ n < slices): the same ones whenever it is asked. */
  slice(n: number): readonly PlannedKey[];
}

/** The most keys that one plan holds as a list, unless it is asked for more or fewer. */
export const maxKeysAtOnce = 10_000;

/** The most keys that one event may expand to; more is an error of its publisher and would stop a partition for long. */
export const maxKeysPerEvent = 10_000_000;

/** The rules of one event type, found by changed field: rules for other fields cost nothing. */
interface EventRules {
  readonly topic: string;
  readonly routing: RoutingReader;
  readonly all: readonly Rule[];
  readonly unfiltered: readonly Rule[];
  readonly byField: ReadonlyMap<string, readonly Rule[]>;
  /** By the column that their filter names and `changedFields` never does: of these, one comparison tells. */
  readonly byUnannounced: ReadonlyMap<number, readonly Rule[]>;
}

/** The rules that an event concerns, and the keys that they give. */
interface Effects {
  readonly rules: Rules;
  readonly blocks: readonly Block[];
}

/** The keys that one rule gives for one side of an event. */
interface Block {
  readonly rule: Rule;
  readonly columns: readonly Column[];
  readonly size: number;
  /** Whether another block of the event may hold some of them as well. */
  readonly mayRepeat: boolean;
}

/** Why a plan has a key: the way through the graph, from the event's type to the view. */
export interface Reason {
  readonly planned: PlannedKey;
  readonly path: readonly string[];
}

const skipped: Plan = { kind: "skipped" };
const noEffects: Effects = { rules: [], blocks: [] };
const unaffected: Plan = { kind: "unaffected" };

/** The dependency graph of one pool: what each event invalidates there. */
export class PoolGraph {
  /** The pool's views by name. */
  readonly views: ReadonlyMap<string, ViewNode>;
  /** The topics whose events touch this pool, sorted. */
  readonly topics: readonly string[];
  /** 1.1 × the longest ttlSeconds of its views, 0 without views: nothing that is cached now outlives it. */
  readonly longestHardTtlSeconds: number;
  readonly #rules: ReadonlyMap<string, EventRules>;

  constructor(views: readonly ViewNode[]) {
    this.views = new Map(views.map((view) => [view.name, view]));
    this.#rules = rulesByType(views.flatMap(effectsOf));
    this.topics = [...new Set([...this.#rules.values()].map(({ topic }) => topic))].sort();
    // Not × 1.1, which makes 3960.0000000000005 of 3600.
    const longest = views.reduce((ttl, { ttlSeconds }) => Math.max(ttl, ttlSeconds), 0);
    this.longestHardTtlSeconds = (longest * 11) / 10;
  }

  /**
   * What this event does here: each key once with its action, or why there is none. More keys than `sliceKeys` come
   * in slices of that many. Never throws.
   */
  plan(event: ChangeEvent, sliceKeys = maxKeysAtOnce): Plan {
    const rules = this.#rules.get(event.type);
    if (!rules) return skipped;
    const effects = effectsOn(rules, event);
    return typeof effects === "string"
      ? undecodable("invalid_routing", effects)
      : planOf(effects.blocks, event, sliceKeys);
  }

  /**
   * Hands what `plan` would answer on key by key. Most events of a batch delete a few keys: none of these becomes an
   * object of its own. Answers the plan itself where it has no list of keys; then nothing was handed on.
   */
  planInto(into: KeySink, event: ChangeEvent, sliceKeys = maxKeysAtOnce): HandedOn | UnlistedPlan {
    const rules = this.#rules.get(event.type);
    if (!rules) return "nothing";
    const effects = effectsOn(rules, event);
    if (typeof effects === "string") return undecodable("invalid_routing", effects);
    const { blocks } = effects;
    if (sizeOf(blocks) > sliceKeys) return largePlan(blocks, event, sliceKeys);
    const isNew = into.newTo(event.subject, effects.rules);
    let handedOn: HandedOn = "nothing";
    for (const { rule, columns, size } of blocks) {
      const refreshes = rule.refreshes(event);
      if (refreshes || handedOn === "nothing") handedOn = refreshes ? "refresh" : "delete";
      if (rule.isAlone) {
        if (isNew(rule)) into.deleteOwn(rule.key(columns, 0));
        continue;
      }
      for (let n = 0; n < size; n += 1) {
        const key = rule.key(columns, n);
        if (refreshes) into.refresh(rule.plannedRefresh(key, event));
        else into.delete(key);
      }
    }
    return handedOn;
  }

  /** Every way in which this event leads to a key; the first 10,000 of them. */
  why(event: ChangeEvent): readonly Reason[] {
    const rules = this.#rules.get(event.type);
    const effects = rules ? effectsOn(rules, event) : noEffects;
    if (typeof effects === "string") return [];
    const reasons: Reason[] = [];
    for (const { rule, columns, size } of effects.blocks) {
      const { dependency, view, template } = rule.effect;
      const last = template === view.key ? view.name : `${view.name} (${template.source})`;
      const path = [event.type, ...dependency.via, last];
      for (let n = 0; n < size && reasons.length < maxKeysAtOnce; n += 1)
        reasons.push({ planned: rule.planned(rule.key(columns, n), event), path });
    }
    return reasons;
  }

  /** The keys that follow from the entity's id alone, for an event of this topic that cannot be decoded. */
  subjectKeys(topic: string, entityId: string): readonly PlannedKey[] {
    if (!isWellFormed(entityId)) return [];
    const columns = [[encodeKeyParam(entityId)]]; // rules that need more than the subject's column give no key
    const blocks: Block[] = [];
    for (const rules of this.#rules.values())
      if (rules.topic === topic) for (const rule of rules.all) addBlock(blocks, rule, columns, true);
    return keysBetween(blocks, 0, Infinity, undefined);
  }

  /** Whether events of this topic touch keys that `subjectKeys` cannot name: their effect is then unknown. */
  hasOtherViews(topic: string): boolean {
    return [...this.#rules.values()].some(
      (rules) => rules.topic === topic && rules.all.some(({ fromSubject }) => !fromSubject),
    );
  }
}

function rulesByType(effects: readonly Effect[]): ReadonlyMap<string, EventRules> {
  const inPool = groupBy(effects, ({ template }) => [template.source]);
  return new Map(
    [...groupBy(effects, ({ dependency }) => [dependency.event])].map(([event, ofEvent]) => {
      const bySource = groupBy(ofEvent, ({ template }) => [template.source]);
      const all = ofEvent.map((effect) => {
        const { view, template } = effect;
        // No two keys of views overlap (the compiler refuses that), but tags may.
        const isTag = view.tags.some((tag) => tag.template === template);
        const isOnly = (among: typeof inPool) => !isTag && among.get(template.source)?.length === 1;
        return new Rule(effect, !isOnly(bySource), isOnly(inPool));
      });
      return [
        event.type,
        {
          topic: event.topic,
          routing: new RoutingReader(event.routing, new Set(all.flatMap(({ columns }) => columns))),
          all,
          unfiltered: all.filter(({ fields }) => !fields),
          byField: groupBy(all, ({ fields }) => fields ?? []),
          byUnannounced: groupBy(all, ({ unannounced }) => unannounced),
        },
      ];
    }),
  );
}

function groupBy<Item, Key>(items: readonly Item[], keysOf: (item: Item) => Iterable<Key>): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items)
    for (const key of keysOf(item)) {
      const group = groups.get(key);
      if (group) group.push(item);
      else groups.set(key, [item]);
    }
  return groups;
}

/** The keys of before and of after, worked out apart; or what is wrong with the event's routing values. */
function effectsOn(rules: EventRules, { subject, data }: ChangeEvent): Effects | string {
  const subjectColumn = [encodeKeyParam(subject)];
  const before = data.change === "created" ? undefined : rules.routing.read(subjectColumn, data.before);
  if (typeof before === "string") return `data.before.${before}`;
  const after = data.change === "deleted" ? undefined : rules.routing.read(subjectColumn, data.after);
  if (typeof after === "string") return `data.after.${after}`;
  const blocks: Block[] = [];
  const concerned = matching(rules, data, before, after);
  for (const rule of concerned) {
    const afterDiffers = after !== undefined && !(before && rule.sameKeys(before, after));
    const mayRepeat = rule.mayRepeat || (before !== undefined && afterDiffers);
    if (before) addBlock(blocks, rule, before, mayRepeat);
    if (afterDiffers) addBlock(blocks, rule, after, mayRepeat);
  }
  return { rules: concerned, blocks };
}

/** The rules that this change concerns, without a look at the others. A rule found in several ways comes once. */
function matching(
  { all, unfiltered, byField, byUnannounced }: EventRules,
  { change, changedFields }: ChangeEvent["data"],
  before: readonly Column[] | undefined,
  after: readonly Column[] | undefined,
): Rules {
  if (change !== "updated" || !changedFields || changedFields.length === 0) return all;
  const found = [unfiltered];
  for (const field of changedFields) {
    const rules = byField.get(field);
    if (rules) found.push(rules);
  }
  for (const [column, rules] of byUnannounced)
    if (!sameColumn(before?.[column], after?.[column])) found.push(rules);
  return found.length === 1 ? unfiltered : new Set(found.flat());
}

function addBlock(blocks: Block[], rule: Rule, columns: readonly Column[], mayRepeat: boolean): void {
  const size = rule.count(columns);
  if (size > 0) blocks.push({ rule, columns, size, mayRepeat });
}

function planOf(blocks: readonly Block[], event: ChangeEvent, sliceKeys: number): Plan {
  if (blocks.length === 0) return unaffected;
  const size = sizeOf(blocks);
  return size <= sliceKeys
    ? { kind: "keys", keys: keysBetween(blocks, 0, size, event) }
    : largePlan(blocks, event, sliceKeys);
}

function sizeOf(blocks: readonly Block[]): number {
  let size = 0;
  for (const block of blocks) size += block.size;
  return size;
}

function largePlan(blocks: readonly Block[], event: ChangeEvent, sliceKeys: number): UnlistedPlan {
  const size = sizeOf(blocks);
  if (size > maxKeysPerEvent)
    return undecodable(
      "too_many_keys",
      `it expands to ${size} keys, at most ${maxKeysPerEvent} are invalidated`,
    );
  return {
    kind: "slices",
    size,
    slices: Math.ceil(size / sliceKeys),
    slice: (n) => keysBetween(blocks, n * sliceKeys, (n + 1) * sliceKeys, event),
  };
}

/** The keys number `from` to `to` (excluded) of all blocks in a row, without those that come again among them. */
function keysBetween(
  blocks: readonly Block[],
  from: number,
  to: number,
  event: ChangeEvent | undefined,
): readonly PlannedKey[] {
  const keys: PlannedKey[] = [];
  let seen: Set<CacheKey> | undefined;
  let start = 0;
  for (const { rule, columns, size, mayRepeat } of blocks) {
    const end = Math.min(size, to - start);
    for (let n = Math.max(0, from - start); n < end; n += 1) {
      const key = rule.key(columns, n);
      if (mayRepeat) {
        seen ??= new Set();
        if (seen.has(key)) continue;
        seen.add(key);
      }
      keys.push(rule.planned(key, event));
    }
    start += size;
  }
  return keys;
}

function undecodable(reason: "invalid_routing" | "too_many_keys", detail: string): UnlistedPlan {
  return { kind: "undecodable", reason, detail };
}

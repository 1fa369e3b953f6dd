import {
  type CacheKey,
  encodeCachedValue,
  FreshetError,
  satisfies,
  type TagTokens,
  type Versions,
  type ViewDefinition,
} from "@freshet/contracts";
import type { CasToken, MemcachedDriver } from "./drivers/driver.ts";
import type { CacheEvent, FillOutcome, MissReason } from "./events.ts";
import {
  type CachedValue,
  type Claimed,
  claim,
  fill,
  found,
  lifeSeconds,
  type Seen,
  tokenOf,
} from "./fill.ts";
import type { LoadLimit } from "./load-limit.ts";
import { runLoader } from "./loading.ts";
import type { CachePool } from "./pool.ts";
import type { FlightLog, FlightResult, SingleFlight } from "./single-flight.ts";
import type { Soon } from "./soon.ts";
import type { ReadStep } from "./steps.ts";
import { parseData, type StoredForm, storedForm } from "./stored-form.ts";
import { captureTags, knownTagKeys, memberTagKeys, tagsHold } from "./tags.ts";
import { type Loaded, versionsOf } from "./versioned.ts";

/** One read of one key. */
export interface Reading<Value> {
  readonly view: ViewDefinition<string, string, Value>;
  readonly params: Readonly<Record<string, string | number>>;
  readonly key: CacheKey;
  readonly nodes: CachePool;
  readonly driver: MemcachedDriver;
  readonly flights: SingleFlight;
  /** Its turn among the reads and loads of its pool. */
  readonly begunAt: number;
  /** Versions that the caller must see. */
  readonly min: Versions | undefined;
  readonly startedAtMs: number;
}

/** What a read gave, and the versions that it was built from. */
export interface ReadResult<Value> {
  /** Null: there is no such row. */
  readonly value: Value | null;
  readonly outcome: "hit" | "miss" | "bypass";
  readonly versions: Versions;
}

/** A cached value that may be returned. */
interface Usable<Value> {
  readonly form: StoredForm<Value>;
  /** Whose versions are read only when somebody asks. */
  readonly of: { readonly versions: Versions };
}

/** What was loaded, and the tags that were captured before; without them it is not cached. */
export interface TaggedLoad<Value> {
  readonly loaded: Loaded<Value>;
  readonly tags: TagTokens | undefined;
}

/** At most this long, in seconds: a row that is created soon should be found soon. */
const absentTtlSeconds = 60;
/** How often one who does not own the lease looks for the holder's value before it loads as well. */
const polls = 3;
/** Between two looks, in milliseconds, ± a third: those who wait should not come back together. */
const pollMs = 30;

/** The steps of READ, each under its name in steps.ts; memcached's failures end here, as events. */
export class ReadSteps {
  readonly #loads: LoadLimit;
  readonly #on: ((event: CacheEvent) => void) | undefined;
  readonly #monotonicMs: () => number;
  readonly #random: () => number;
  readonly #delay: (milliseconds: number) => Promise<unknown>;

  constructor(options: {
    loads: LoadLimit;
    on: ((event: CacheEvent) => void) | undefined;
    monotonicMs: () => number;
    random: () => number;
    delay: (milliseconds: number) => Promise<unknown>;
  }) {
    this.#loads = options.loads;
    this.#on = options.on;
    this.#monotonicMs = options.monotonicMs;
    this.#random = options.random;
    this.#delay = options.delay;
  }

  /** Step 1: gets. */
  async lookUp({ view, driver, key }: Reading<unknown>): Promise<Seen> {
    try {
      return found(await driver.get(key));
    } catch (error) {
      this.#tellOf(error, "lookUp", view, driver);
      return { kind: "unavailable" };
    }
  }

  /** Step 1 for many keys of one view, one round trip per node; what a node did not answer is left out. */
  async lookUpMany(
    view: ViewDefinition,
    readings: readonly Reading<unknown>[],
  ): Promise<ReadonlyMap<CacheKey, Seen>> {
    const byDriver = new Map<MemcachedDriver, Reading<unknown>[]>();
    for (const reading of readings) {
      const own = byDriver.get(reading.driver);
      if (own) own.push(reading);
      else byDriver.set(reading.driver, [reading]);
    }
    const seen = new Map<CacheKey, Seen>();
    await Promise.all(
      [...byDriver].map(async ([driver, own]) => {
        const stored = await this.attempt("lookUp", view, driver, () =>
          driver.getMany(own.map(({ key }) => key)),
        );
        if (stored) for (const { key } of own) seen.set(key, found(stored.get(key)));
      }),
    );
    return seen;
  }

  /** Whether what was seen may be returned: new enough, and still a value of the view. */
  hit<Value>(reading: Reading<Value>, seen: Seen): Soon<Usable<Value> | undefined> {
    const usable = this.#usable(reading, seen);
    return usable instanceof Promise
      ? usable.then((late) => this.#judged(reading, late))
      : this.#judged(reading, usable);
  }

  #judged<Value>({ view }: Reading<Value>, usable: Usable<Value> | MissReason): Usable<Value> | undefined {
    if (typeof usable !== "string") {
      this.#on?.({ type: "hit", view: view.name });
      return usable;
    }
    this.#on?.({ type: "miss", view: view.name, reason: usable });
    return undefined;
  }

  /** Step 2 for many keys: nobody waits for anybody. */
  async capture(reading: Reading<unknown>, seen: Seen): Promise<CasToken | undefined> {
    return tokenOf(seen.kind === "absent" ? await this.#claim(reading) : seen);
  }

  /**
   * Step 2, and herd control: one who finds somebody else's lease looks again before it loads as well. Answers
   * the value that the holder has filled meanwhile, or what the fill may compare with.
   */
  async captureOrWait<Value>(
    reading: Reading<Value>,
    seen: Seen,
    log: FlightLog,
  ): Promise<Usable<Value> | { readonly token: CasToken | undefined }> {
    let now = seen.kind === "absent" ? await this.#claim(reading) : seen;
    for (let looks = 0; looks < polls && isBeingFilled(now, seen); looks++) {
      await this.#delay(pollMs * (2 / 3 + (2 / 3) * this.#random()));
      this.begin(reading, tokenOf(now), log);
      const next = await this.lookUp(reading);
      const usable = await this.#usable(reading, next);
      if (typeof usable === "object") return usable;
      log.waits();
      if (next.kind === "value") return { token: next.cas };
      now = next.kind === "absent" ? await this.#claim(reading) : next;
    }
    return { token: tokenOf(now) };
  }

  /**
   * Says to those who may share what is read from now on. That the key still stands says nothing of the tags: a
   * load of a view with tags is shared only with those who were there before.
   */
  begin({ view }: Reading<unknown>, token: CasToken | undefined, log: FlightLog): void {
    log.begins(view.tags.length > 0 ? undefined : token);
  }

  /**
   * Step 3 with the tags that are captured before it. Members are known only after a load: theirs are captured
   * then, and what is cached is loaded again, from a snapshot that begins after that.
   * @throws as load
   */
  async loadTagged<Value>(
    view: ViewDefinition,
    readings: readonly Reading<Value>[],
    load: () => Promise<readonly Loaded<Value>[]>,
  ): Promise<TaggedLoad<Value>[]> {
    const known = await Promise.all(
      readings.map((reading) => this.#captureTags(reading, knownTagKeys(view, reading.params))),
    );
    const first = await this.load(view, load);
    const members = first.map((loaded) => memberTagKeys(view, loaded));
    if (members.every(({ size }) => size === 0))
      return first.map((loaded, index) => ({ loaded, tags: known[index] }));
    const captured = await Promise.all(
      readings.map((reading, index) => this.#captureTags(reading, members[index] ?? [])),
    );
    const second = await this.load(view, load);
    return second.map((loaded, index) => {
      const [own, theirs, before] = [known[index], captured[index], members[index]];
      const now = memberTagKeys(view, loaded);
      const isSame = before?.size === now.size && [...now].every((key) => before.has(key));
      return { loaded, tags: own && theirs && isSame ? { ...own, ...theirs } : undefined };
    });
  }

  /**
   * Step 3, in its turn.
   * @throws FreshetError LOAD_OVERLOADED, and what `load` throws
   */
  load<Result>(view: ViewDefinition, load: () => Promise<Result>): Promise<Result> {
    return this.#loads.run(() => this.#load(view, load));
  }

  async #load<Result>(view: ViewDefinition, load: () => Promise<Result>): Promise<Result> {
    const startedAtMs = this.#monotonicMs();
    let ok = false;
    try {
      const result = await runLoader(view.name, load);
      ok = true;
      return result;
    } finally {
      this.#on?.({ type: "load", view: view.name, seconds: (this.#monotonicMs() - startedAtMs) / 1_000, ok });
    }
  }

  /** Step 4. Answers what every later hit will answer; without `data` what was loaded could not be stored. */
  async store<Value>(
    { view, params, key, driver, startedAtMs }: Reading<Value>,
    { loaded, tags }: TaggedLoad<Value>,
    token: CasToken | undefined,
  ): Promise<FlightResult & { readonly value: Value | null }> {
    const versions = versionsOf(view, params, loaded);
    const form = await storedForm(view, loaded.value);
    let outcome: FillOutcome = "not_storable";
    if (form) {
      const ttlSeconds = form.value === null ? Math.min(absentTtlSeconds, view.ttlSeconds) : view.ttlSeconds;
      const entry = {
        encoded: encodeCachedValue({ versions, data: form.data, ...(tags && { tags }) }),
        ttlSeconds: lifeSeconds(ttlSeconds, this.#random),
      };
      const captured = { token: tags && token, agoMs: this.#monotonicMs() - startedAtMs };
      outcome =
        (await this.attempt("fill", view, driver, () => fill(driver, key, entry, captured))) ?? "unknown";
    }
    this.#on?.({ type: "fill", view: view.name, outcome });
    return form ? { value: form.value, versions, data: form.data } : { value: loaded.value, versions };
  }

  async #claim({ view, driver, key }: Reading<unknown>): Promise<Claimed | Seen> {
    return (await this.attempt("claim", view, driver, () => claim(driver, key))) ?? { kind: "unavailable" };
  }

  #captureTags({ view, nodes }: Reading<unknown>, keys: Iterable<CacheKey>): Promise<TagTokens | undefined> {
    return captureTags(nodes, keys, 2 * view.ttlSeconds, (driver, command) =>
      this.attempt("captureTags", view, driver, command),
    );
  }

  /** Not of a value that was stored before the view had one of its tags. */
  async #tagsHold({ view, params, nodes }: Reading<unknown>, tags: TagTokens): Promise<boolean | undefined> {
    if (knownTagKeys(view, params).some((key) => !Object.hasOwn(tags, key))) return false;
    return tagsHold(nodes, tags, (driver, command) => this.attempt("lookUp", view, driver, command));
  }

  #usable<Value>(reading: Reading<Value>, seen: Seen): Soon<Usable<Value> | MissReason> {
    if (seen.kind === "unusable") return seen.reason;
    if (seen.kind !== "value") return seen.kind;
    const { view, min } = reading;
    const { cached } = seen;
    if (min && !satisfies(cached.versions, min)) return "too_old";
    if (view.tags.length > 0 || Object.keys(cached.tags).length > 0)
      return this.#usableUnderTags(reading, cached);
    const form = parseData(view, cached.data);
    return form instanceof Promise ? form.then((late) => usableOf(late, cached)) : usableOf(form, cached);
  }

  async #usableUnderTags<Value>(
    reading: Reading<Value>,
    cached: CachedValue,
  ): Promise<Usable<Value> | MissReason> {
    const holds = await this.#tagsHold(reading, cached.tags);
    if (holds) return usableOf(await parseData(reading.view, cached.data), cached);
    return holds === undefined ? "unavailable" : "tag_changed";
  }

  /** A command to memcached; undefined and an event when it fails. */
  async attempt<Result>(
    step: ReadStep | "delete",
    view: ViewDefinition,
    driver: MemcachedDriver,
    command: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await command();
    } catch (error) {
      this.#tellOf(error, step, view, driver);
      return undefined;
    }
  }

  /** @throws what is no failure of memcached */
  #tellOf(error: unknown, step: ReadStep | "delete", view: ViewDefinition, driver: MemcachedDriver): void {
    if (!(error instanceof FreshetError)) throw error;
    this.#on?.({ type: "error", view: view.name, step, node: driver.node, error });
  }
}

function usableOf<Value>(form: StoredForm<Value> | undefined, of: CachedValue): Usable<Value> | MissReason {
  return form ? { form, of } : "invalid";
}

/** A lease that is not this reader's, or what came between its get and its add. */
function isBeingFilled(now: Claimed | Seen, seen: Seen): boolean {
  return now.kind === "unusable" ? now.reason === "leased" : now.kind === "value" && now !== seen;
}

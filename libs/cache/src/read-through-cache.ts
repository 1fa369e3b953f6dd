import { setTimeout } from "node:timers/promises";
import {
  type CacheKey,
  FreshetError,
  parseKeyTemplate,
  renderKey,
  satisfies,
  type Versions,
  type ViewDefinition,
} from "@freshet/contracts";
import { BreakingDriver } from "./drivers/breaking.ts";
import type { CreateDriver, DriverOptions } from "./drivers/driver.ts";
import { MetaDriver } from "./drivers/meta.ts";
import type { CacheEvent } from "./events.ts";
import type { Seen } from "./fill.ts";
import { LoadLimit } from "./load-limit.ts";
import { refuseInsideLoader } from "./loading.ts";
import { CachePool, type PoolNodeLists } from "./pool.ts";
import { type Reading, type ReadResult, ReadSteps } from "./read-steps.ts";
import { type FlightResult, SingleFlight } from "./single-flight.ts";
import { allSoon } from "./soon.ts";
import { parseData, storedForm } from "./stored-form.ts";
import { type Loaded, versionsOf } from "./versioned.ts";

/** The pools of a cache, its limits, and who hears of what it does. */
export interface ReadThroughCacheOptions {
  /** The pools that the views name. */
  readonly pools: Readonly<Record<string, PoolNodeLists>>;
  /** Limits of each node's driver; by default 50 ms per call. */
  readonly limits?: DriverOptions;
  /** Default the meta protocol's, of memcached 1.6 and later. */
  readonly createDriver?: CreateDriver;
  /** Loads of all views that run at once; default 50. */
  readonly maxLoads?: number;
  /** Loads that wait for that; beyond, a read that misses rejects with LOAD_OVERLOADED. Default 1,000. */
  readonly maxWaitingLoads?: number;
  /** Hears of every hit, miss, load, fill and error; must not throw. */
  readonly on?: (event: CacheEvent) => void;
  /** Milliseconds that never go back. */
  readonly monotonicMs?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** Waits between two looks for a value that another process loads. */
  readonly delay?: (milliseconds: number) => Promise<unknown>;
}

/** Options of one read. */
export interface ReadOptions {
  /** Versions that the caller must see, from its own writes: entity key (`profile:42`) → version. */
  readonly min?: Versions;
  /** Straight to the loader, nothing stored (`Cache-Control: no-cache`). */
  readonly bypass?: boolean;
}

/** Options of one call for many keys. */
export interface ReadManyOptions<Param extends string> extends Pick<ReadOptions, "bypass"> {
  /** As of one key; where each key has rows of its own, only those of this key: a version that its value lacks is never a hit. */
  readonly min?: Versions | ((params: KeyParams<Param>) => Versions);
}

/** A ReadResult whose versions are read only when somebody asks. */
interface Answer<Value> {
  readonly value: Value | null;
  readonly outcome: ReadResult<Value>["outcome"];
  readonly of: { readonly versions: Versions };
}

const nothingLoaded = { loaded: { rows: [], value: null }, tags: undefined };

type KeyParams<Param extends string = string> = Readonly<Record<Param, string | number>>;

interface Pool {
  readonly nodes: CachePool;
  readonly flights: SingleFlight;
}

/**
 * READ and INVALIDATE of the cache protocol over typed views. memcached in trouble never becomes the caller's
 * exception: a node that does not answer is not asked for a while, the value is loaded, and in any doubt not
 * cached. Loaders read the primary; a get inside a loader throws, since another cached view may still hold what
 * this key's invalidation was about.
 */
export class ReadThroughCache {
  readonly #pools: ReadonlyMap<string, Pool>;
  readonly #on: ((event: CacheEvent) => void) | undefined;
  readonly #monotonicMs: () => number;
  readonly #steps: ReadSteps;

  /** @throws FreshetError CACHE_NODES_INVALID */
  constructor(options: ReadThroughCacheOptions) {
    const { pools, limits, createDriver = (node, of) => new MetaDriver(node, of) } = options;
    const createBreaking: CreateDriver = (node, of) => new BreakingDriver(createDriver(node, of));
    this.#pools = new Map(
      Object.entries(pools).map(([name, lists]) => [
        name,
        { nodes: new CachePool(lists, createBreaking, limits), flights: new SingleFlight() },
      ]),
    );
    this.#on = options.on;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    const { random = Math.random, delay = setTimeout, maxLoads = 50, maxWaitingLoads = 1_000 } = options;
    const loads = new LoadLimit({ running: maxLoads, waiting: maxWaitingLoads });
    this.#steps = new ReadSteps({ loads, on: this.#on, monotonicMs: this.#monotonicMs, random, delay });
  }

  /**
   * The value of a view, from the cache or from `load`; null when there is no such row.
   * @throws what `load` throws; FreshetError KEY_PARAM_INVALID, CONTRACT_INVALID, CACHE_NESTED_GET, LOAD_OVERLOADED
   */
  async get<Param extends string, Value>(
    view: ViewDefinition<string, Param, Value>,
    params: KeyParams<Param>,
    load: () => Promise<Loaded<Value>>,
    options: ReadOptions = {},
  ): Promise<Value | null> {
    return (await this.#find(view, params, load, options)).value;
  }

  /**
   * As get, with where the value came from and the versions that it was built from.
   * @throws as get
   */
  async read<Param extends string, Value>(
    view: ViewDefinition<string, Param, Value>,
    params: KeyParams<Param>,
    load: () => Promise<Loaded<Value>>,
    options: ReadOptions = {},
  ): Promise<ReadResult<Value>> {
    const { value, outcome, of } = await this.#find(view, params, load, options);
    return { value, outcome, versions: of.versions };
  }

  /**
   * The values of many keys in the order of `paramsList`: one round trip per node, one call of `load` for all that
   * are missing, which answers in the order it was asked. It waits for no other reader's load, in this process or
   * another: each key has its own load to wait for, the slowest would hold back all, and the keys would no longer
   * be one call. What two readers load at once is only loaded twice; the first fill stands.
   * @throws as get
   */
  async getMany<Param extends string, Value>(
    view: ViewDefinition<string, Param, Value>,
    paramsList: readonly KeyParams<Param>[],
    load: (missing: readonly KeyParams<Param>[]) => Promise<readonly Loaded<Value>[]>,
    { min, bypass = false }: ReadManyOptions<Param> = {},
  ): Promise<(Value | null)[]> {
    if (bypass) return this.#loadPast(view, paramsList, load);
    const minOf = typeof min === "function" ? min : () => min;
    const asked = paramsList.map((params) => ({
      params,
      reading: this.#reading(view, params, minOf(params)),
    }));
    const distinct = new Map(asked.map((one) => [one.reading.key, one]));
    const ones = [...distinct.values()];
    const seen = await this.#steps.lookUpMany(
      view,
      ones.map(({ reading }) => reading),
    );
    const hits = await allSoon(
      ones.map(({ reading }) => this.#steps.hit(reading, seen.get(reading.key) ?? { kind: "unavailable" })),
    );
    const values = new Map<CacheKey, Value | null>();
    const missing = ones.filter(({ reading }, index) => {
      const hit = hits[index];
      if (hit) values.set(reading.key, hit.form.value);
      return !hit;
    });
    if (missing.length > 0) {
      const readings = missing.map(({ reading }) => reading);
      const tokens = await Promise.all(
        readings.map((reading) =>
          this.#steps.capture(reading, seen.get(reading.key) ?? { kind: "unavailable" }),
        ),
      );
      const loaded = await this.#steps.loadTagged(view, readings, async () => {
        const rows = await load(missing.map(({ params }) => params));
        return complete(view, rows, missing.length);
      });
      await Promise.all(
        loaded.map(async (one, index) => {
          const reading = readings[index];
          if (reading) values.set(reading.key, (await this.#steps.store(reading, one, tokens[index])).value);
        }),
      );
    }
    return asked.map(({ reading }) => values.get(reading.key) ?? null);
  }

  /**
   * The writer's own delete after its commit: the key and its former keys, on the owner under every node list.
   * Best effort, the bus deletes as well; answers whether all of it was acknowledged. Never rejects because of
   * memcached.
   * @throws FreshetError KEY_PARAM_INVALID
   */
  async invalidate<Param extends string>(
    view: ViewDefinition<string, Param>,
    params: KeyParams<Param>,
  ): Promise<boolean> {
    const { nodes } = this.#pool(view);
    const templates = [view.key, ...view.formerKeys.map(parseKeyTemplate)];
    const deletes = templates.flatMap((template) => {
      const key = renderKey(template, params);
      return nodes.ownersOf(key).map(async (node) => {
        const driver = nodes.driver(node);
        const answer = await this.#steps.attempt("delete", view, driver, () => driver.delete(key));
        return answer !== undefined;
      });
    });
    return (await Promise.all(deletes)).every((isAcknowledged) => isAcknowledged);
  }

  /** Gives up the connections. */
  close(): void {
    for (const { nodes } of this.#pools.values()) nodes.close();
  }

  #reading<Value>(
    view: ViewDefinition<string, string, Value>,
    params: KeyParams,
    min: Versions | undefined,
  ): Reading<Value> {
    refuseInsideLoader(view.name);
    const key = renderKey(view.key, params);
    const { nodes, flights } = this.#pool(view);
    const driver = nodes.driver(nodes.readerNodeOf(key));
    return {
      view,
      params,
      key,
      nodes,
      driver,
      flights,
      min,
      begunAt: flights.turn(),
      startedAtMs: this.#monotonicMs(),
    };
  }

  async #find<Param extends string, Value>(
    view: ViewDefinition<string, Param, Value>,
    params: KeyParams<Param>,
    load: () => Promise<Loaded<Value>>,
    { min, bypass = false }: ReadOptions,
  ): Promise<Answer<Value>> {
    if (bypass) {
      this.#on?.({ type: "bypass", view: view.name });
      const loaded = await this.#steps.load(view, load);
      const form = await storedForm(view, loaded.value);
      const value = form ? form.value : loaded.value;
      return { value, outcome: "bypass", of: { versions: versionsOf(view, params, loaded) } };
    }
    const reading = this.#reading(view, params, min);
    const seen = await this.#steps.lookUp(reading);
    const soon = this.#steps.hit(reading, seen);
    const hit = soon instanceof Promise ? await soon : soon;
    if (hit) return { value: hit.form.value, outcome: "hit", of: hit.of };
    const underWay = reading.flights.find(reading.key, seen, reading.begunAt);
    const shared = underWay && (await this.#share(reading, await underWay));
    return shared ?? this.#loadAndFill(reading, seen, load);
  }

  /** What another read of this process has loaded, unless it is too old for this caller. */
  async #share<Value>(
    { view, min }: Reading<Value>,
    { versions, data }: FlightResult,
  ): Promise<Answer<Value> | undefined> {
    if (data === undefined || (min && !satisfies(versions, min))) return undefined;
    const form = await parseData(view, data);
    return form && { value: form.value, outcome: "miss", of: { versions } };
  }

  /** Straight to the loader, nothing stored. */
  async #loadPast<Param extends string, Value>(
    view: ViewDefinition<string, Param, Value>,
    paramsList: readonly KeyParams<Param>[],
    load: (keys: readonly KeyParams<Param>[]) => Promise<readonly Loaded<Value>[]>,
  ): Promise<(Value | null)[]> {
    paramsList.forEach(() => {
      this.#on?.({ type: "bypass", view: view.name });
    });
    const loaded = complete(view, await this.#steps.load(view, () => load(paramsList)), paramsList.length);
    return Promise.all(
      loaded.map(async ({ value }) => {
        const form = await storedForm(view, value);
        return form ? form.value : value;
      }),
    );
  }

  /** Steps 2 to 4. */
  async #loadAndFill<Value>(
    reading: Reading<Value>,
    seen: Seen,
    load: () => Promise<Loaded<Value>>,
  ): Promise<Answer<Value>> {
    const { value, outcome, versions } = await reading.flights.lead(reading.key, async (log) => {
      const captured = await this.#steps.captureOrWait(reading, seen, log);
      if ("form" in captured)
        return { outcome: "hit" as const, ...captured.form, versions: captured.of.versions };
      this.#steps.begin(reading, captured.token, log);
      const [one = nothingLoaded] = await this.#steps.loadTagged(reading.view, [reading], async () => [
        await load(),
      ]);
      return { outcome: "miss" as const, ...(await this.#steps.store(reading, one, captured.token)) };
    });
    return { value, outcome, of: { versions } };
  }

  /** @throws FreshetError CONTRACT_INVALID for a pool that was not given */
  #pool(view: ViewDefinition): Pool {
    const pool = this.#pools.get(view.pool);
    if (!pool) throw new FreshetError("CONTRACT_INVALID", `${view.name}: no pool ${view.pool} was given`);
    return pool;
  }
}

/** @throws FreshetError CONTRACT_INVALID when a loader leaves out a row */
function complete<Row>(view: ViewDefinition, rows: readonly Row[], count: number): readonly Row[] {
  if (rows.length === count) return rows;
  throw new FreshetError(
    "CONTRACT_INVALID",
    `${view.name}: ${count} values were to be loaded, the loader gave ${rows.length}`,
  );
}

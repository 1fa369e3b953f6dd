import {
  CachePool,
  MetaDriver,
  type ReadOptions,
  ReadThroughCache,
  refresh,
  type StoredValue,
  versioned,
} from "@freshet/cache";
import { decodeCached, defineView, FreshetError, renderKey, renderTagKey, tag } from "@freshet/contracts";
import { z } from "zod";
import { type Around, intercepted } from "./intercepted.ts";
import type { Memcached } from "./memcached.ts";
import { ProfileChanged, userProfile } from "./primary.ts";
import { Schedule } from "./schedule.ts";

const profileTag = tag("profile:{profileId}", ProfileChanged, { params: { profileId: "subject" } });

const taggedProfile = defineView({
  name: "tagged_profile",
  key: "tagged_profile:{profileId}",
  pool: "profiles",
  value: z.object({ id: z.string(), version: z.int(), name: z.string() }),
  tags: [profileTag],
});

/** What a run may get wrong on purpose: the search must find it. */
export type Defect = "fill without cas" | "capture after the load" | "acknowledge a delete that timed out";

export interface Played {
  readonly trace: readonly string[];
  readonly violation?: string;
}

const neverInTime = { timeoutMs: 60_000 };
const lateShare = 0.04;
const commits = 2;

/**
 * Readers of several processes, a writer, deletes, refreshes, duplicates, evictions and commands that are
 * executed after their time-out: one key on a real memcached, one step at a time, in the order that the seed
 * determines. After each step I1 and I3 are looked at.
 */
export async function playInterleaving(memcached: Memcached, seed: number, defect?: Defect): Promise<Played> {
  const run = new Run(memcached, seed, defect);
  try {
    await run.play();
    return { trace: run.trace };
  } catch (error) {
    if (!(error instanceof PromiseBroken)) throw error;
    return { trace: run.trace, violation: error.message };
  } finally {
    run.close();
  }
}

class PromiseBroken extends Error {}

class Run {
  readonly #schedule: Schedule;
  readonly #defect: Defect | undefined;
  readonly #nodes: string;
  readonly #observer: MetaDriver;
  readonly #isTagged: boolean;
  readonly #id: string;
  readonly #key;
  readonly #tagKey;
  readonly #caches: ReadThroughCache[] = [];
  readonly #pool: CachePool;
  #row = 1;
  #acknowledged = 0;
  #standing: number | undefined;

  constructor({ node }: Memcached, seed: number, defect: Defect | undefined) {
    this.#schedule = new Schedule(seed);
    this.#defect = defect;
    this.#nodes = node.name;
    this.#observer = new MetaDriver(node, neverInTime);
    this.#isTagged = this.#chance(0.4);
    this.#id = `${seed}-${process.hrtime.bigint()}`;
    const params = { profileId: this.#id };
    this.#key = renderKey(this.#view.key, params);
    this.#tagKey = renderTagKey(profileTag.tag, params);
    this.#pool = new CachePool({ nodes: node.name }, intercepted(this.#around), neverInTime);
  }

  get trace(): readonly string[] {
    return this.#schedule.trace;
  }

  get #view() {
    return this.#isTagged ? taggedProfile : userProfile;
  }

  async play(): Promise<void> {
    for (const process of ["a", "b", "c"]) {
      const cache = this.#process();
      for (const reader of [1, 2])
        this.#schedule.spawn(`reader ${process}${reader}`, async () => {
          await this.#read(cache);
          if (this.#chance(0.5)) await this.#read(cache);
        });
    }
    this.#schedule.spawn("writer", () => this.#write());
    if (this.#chance(0.5)) this.#schedule.spawn("eviction", () => this.#remove());
    await this.#schedule.run(() => this.#keepsItsPromises());
  }

  close(): void {
    for (const cache of this.#caches) cache.close();
    this.#pool.close();
    this.#observer.close();
  }

  #process(): ReadThroughCache {
    const cache = new ReadThroughCache({
      pools: { profiles: { nodes: this.#nodes } },
      limits: neverInTime,
      createDriver: intercepted(this.#around, { fillsBlindly: this.#defect === "fill without cas" }),
      random: this.#schedule.random,
      delay: () => this.#schedule.turn("looks again"),
    });
    this.#caches.push(cache);
    return cache;
  }

  /** @throws PromiseBroken */
  async #read(cache: ReadThroughCache): Promise<void> {
    const atLeast = this.#acknowledged;
    const early = this.#defect === "capture after the load" ? this.#row : undefined;
    if (early !== undefined) await this.#schedule.turn("load");
    const load = async () => {
      if (early === undefined) await this.#schedule.turn("load");
      const version = early ?? this.#row;
      return versioned({ id: this.#id, version, name: `name ${version}` });
    };
    const subject = `profile:${this.#id}`;
    const options: ReadOptions = this.#chance(0.2) ? { min: { [subject]: this.#row } } : {};
    const { versions } = await cache.read(this.#view, { profileId: this.#id }, load, options);
    const got = versions[subject] ?? 0;
    if (got < atLeast)
      throw new PromiseBroken(`I1: a read got version ${got} after ${atLeast} was acknowledged`);
  }

  async #write(): Promise<void> {
    for (let commit = 0; commit < commits; commit++) {
      await this.#schedule.turn("commit");
      const version = ++this.#row;
      const times = this.#chance(0.3) ? 2 : 1;
      for (let time = 0; time < times; time++)
        this.#schedule.spawn(`event ${version}`, () => this.#invalidate(version));
    }
  }

  /** Until it is acknowledged: the offset is not committed before. */
  async #invalidate(version: number): Promise<void> {
    const isRefresh = !this.#isTagged && this.#chance(0.5);
    while (!(await (isRefresh ? this.#refresh(version) : this.#delete())));
    this.#acknowledged = Math.max(this.#acknowledged, version);
  }

  async #delete(): Promise<boolean> {
    const key = this.#isTagged ? this.#tagKey : this.#key;
    try {
      await this.#pool.driver(this.#nodes).delete(key);
      return true;
    } catch (error) {
      if (error instanceof FreshetError) return this.#defect === "acknowledge a delete that timed out";
      throw error;
    }
  }

  async #refresh(version: number): Promise<boolean> {
    const item = { key: this.#key, subject: `profile:${this.#id}`, version, ttlSeconds: 60 };
    const { outcome } = await refresh(this.#pool, item, async () => {
      await this.#schedule.turn("load");
      const data = { id: this.#id, version: this.#row, name: `name ${this.#row}` };
      return { versions: { [item.subject]: this.#row }, data };
    });
    return outcome !== "unknown";
  }

  /** As memcached does it, or a writer's own delete. */
  async #remove(): Promise<void> {
    const key = this.#isTagged && this.#chance(0.5) ? this.#tagKey : this.#key;
    await this.#schedule.alone(this.#observer.delete(key));
  }

  /** One turn per command. Some time out for their senders, and are executed later. */
  readonly #around: Around = async (command, send, reconnect) => {
    await this.#schedule.turn(command);
    if (command !== "get" && command !== "getMany" && this.#chance(lateShare)) {
      reconnect();
      this.#schedule.spawn(`late ${command}`, () => this.#schedule.alone(send()));
      throw new FreshetError("CACHE_TIMEOUT", "the command is still under way");
    }
    return this.#schedule.alone(send());
  };

  /** @throws PromiseBroken */
  async #keepsItsPromises(): Promise<void> {
    const stored = await this.#observer.getMany([this.#key, this.#tagKey]);
    const served = this.#served(stored.get(this.#key), stored.get(this.#tagKey));
    if (served !== undefined && served < this.#acknowledged)
      throw new PromiseBroken(`I1: version ${served} is a hit after ${this.#acknowledged} was acknowledged`);
    if (served !== undefined && this.#standing !== undefined && served < this.#standing)
      throw new PromiseBroken(`I3: version ${served} was written over ${this.#standing}`);
    this.#standing = served;
  }

  #served(item: StoredValue | undefined, tagItem: StoredValue | undefined): number | undefined {
    const cached = item && decodeCached(item.value);
    if (cached?.kind !== "value") return undefined;
    if (this.#isTagged && cached.tags[this.#tagKey] !== tagItem?.value.toString()) return undefined;
    return cached.versions[`profile:${this.#id}`];
  }

  #chance(share: number): boolean {
    return this.#schedule.random() < share;
  }
}

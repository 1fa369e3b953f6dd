import { setTimeout as delay } from "node:timers/promises";
import type { CachePool } from "@freshet/cache";
import type { ChangeEvent } from "@freshet/contracts";
import type { DependencyGraph } from "@freshet/dependency-graph";
import { isDeepStrictEqual } from "node:util";
import { CheckQueue, type DueCheck } from "./check-queue.ts";
import { type Appended, checksOf } from "./checks-of.ts";
import { askOwners, type OwnerSettings } from "./owners.ts";
import { isSampled } from "./sample.ts";
import { confirm, look, type OwnerAnswer, type Suspect, type Verdict } from "./verdict.ts";

/** What became of an event. */
export type EventOutcome = "audited" | "not_sampled" | "unaffected" | "skipped";

/** A check that has ended. */
export interface Ended extends DueCheck {
  readonly verdict: Verdict;
  /** With `stale` and `unconfirmed`. */
  readonly suspect?: Suspect;
  readonly owner?: OwnerAnswer;
}

export interface AuditorOptions {
  readonly graph: DependencyGraph;
  readonly pools: ReadonlyMap<string, CachePool>;
  readonly owners: OwnerSettings;
  readonly sampleRate: number;
  readonly horizonsMs: readonly number[];
  readonly mostPending: number;
  /** Told of every check that has ended, a tick at a time. */
  readonly onEnded: (ended: readonly Ended[]) => Promise<void>;
}

const tickMs = 100;
/** Checks of one tick: what is more waits for the next. */
const mostPerTick = 5_000;
/** How long a value without the event's entity must stay what it is, to be called stale. */
const secondLookMs = 1_000;

/**
 * Asks the nodes, at each horizon after a sampled event, whether a key that it touched still holds an older version:
 * one round trip per node and tick. What looks older is confirmed by its owner before it is called stale.
 */
export class Auditor {
  readonly #options: AuditorOptions;
  readonly #queue: CheckQueue;
  readonly #stopped = new AbortController();
  /** Values without the event's entity, with what the owner said, until the second look. */
  #doubtful: {
    readonly due: DueCheck;
    readonly suspect: Suspect;
    readonly owner: OwnerAnswer;
    readonly atMs: number;
  }[] = [];
  #running: Promise<void> | undefined;

  constructor(options: AuditorOptions) {
    this.#options = options;
    this.#queue = new CheckQueue(options.horizonsMs, options.mostPending);
  }

  /** Checks that wait for their horizon. */
  get pending(): number {
    return this.#queue.size + this.#doubtful.length;
  }

  /** Lets the keys of an event be checked. Synchronous: a consumer is never held up. */
  onEvent(event: ChangeEvent, at: Appended, nowMs = Date.now()): EventOutcome {
    const { graph, sampleRate } = this.#options;
    if (!isSampled(event.id, sampleRate)) return "not_sampled";
    const checks = checksOf(graph, event, at);
    if (checks.length === 0) return "unaffected";
    const taken = checks.filter((check) => this.#queue.add(check, nowMs));
    return taken.length > 0 ? "audited" : "skipped";
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const nowMs = Date.now();
      const ended = await this.#check(this.#queue.take(nowMs, mostPerTick), nowMs);
      if (ended.length > 0) await this.#options.onEnded(ended);
      await delay(tickMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #check(due: readonly DueCheck[], nowMs: number): Promise<Ended[]> {
    const ended: Ended[] = [];
    const suspects: { due: DueCheck; suspect: Suspect }[] = [];
    const again = this.#doubtful.filter(({ atMs }) => atMs + secondLookMs <= nowMs);
    this.#doubtful = this.#doubtful.filter((of) => !again.includes(of));

    const stored = await this.#stored([...due, ...again.map((of) => of.due)]);
    for (const one of due) {
      const answers = stored(one);
      const found = answers.map(([node, bytes]) =>
        bytes === "unanswered" ? bytes : look(one.check, node, bytes),
      );
      const suspect = found.find((answer) => typeof answer === "object");
      if (suspect) suspects.push({ due: one, suspect });
      else ended.push({ ...one, verdict: found.includes("unanswered") ? "unanswered" : "fresh" });
    }
    const owned = await this.#owned([
      ...suspects.map(({ suspect }) => suspect),
      ...again.map(({ suspect }) => suspect),
    ]);
    for (const { due: one, suspect } of suspects) {
      const owner = owned.get(suspect) ?? "not asked";
      const verdict = confirm(suspect, owner);
      if (verdict === "unconfirmed" && suspect.cachedVersion === undefined && typeof owner === "object")
        this.#doubtful.push({ due: one, suspect, owner, atMs: nowMs });
      else ended.push({ ...one, verdict, suspect, owner });
    }
    for (const { due: one, suspect, owner: before } of again) {
      const owner = owned.get(suspect) ?? "not asked";
      const [, bytes] = stored(one).find(([node]) => node === suspect.node) ?? [];
      const isSame = Buffer.isBuffer(bytes) && bytes.equals(suspect.bytes);
      const verdict = !isSame ? "fresh" : isDeepStrictEqual(owner, before) ? "stale" : "unconfirmed";
      ended.push({ ...one, verdict, suspect, owner });
    }
    return ended;
  }

  /** What the nodes hold under the keys of these checks: node by node, side by side, each in one round trip. */
  async #stored(
    due: readonly DueCheck[],
  ): Promise<(one: DueCheck) => (readonly [node: string, bytes: Buffer | "unanswered" | undefined])[]> {
    const { pools } = this.#options;
    const wanted = new Map<string, { pool: CachePool; node: string; keys: Set<string> }>();
    const nodesOf = ({ check: { pool: name, key } }: DueCheck) => {
      const pool = pools.get(name);
      return pool === undefined
        ? []
        : pool.ownersOf(key).map((node) => ({ pool, node, id: `${name} ${node}` }));
    };
    for (const one of due)
      for (const { pool, node, id } of nodesOf(one)) {
        const of = wanted.get(id) ?? { pool, node, keys: new Set() };
        wanted.set(id, of);
        of.keys.add(one.check.key);
      }
    const answers = new Map(
      await Promise.all(
        [...wanted].map(async ([id, { pool, node, keys }]) => {
          const answer = await pool
            .driver(node)
            .getMany([...keys])
            .catch(() => undefined);
          return [id, answer] as const;
        }),
      ),
    );
    return (one) =>
      nodesOf(one).map(({ node, id }) => {
        const answer = answers.get(id);
        return [node, answer === undefined ? "unanswered" : answer.get(one.check.key)?.value] as const;
      });
  }

  async #owned(suspects: readonly Suspect[]): Promise<Map<Suspect, OwnerAnswer>> {
    const answers = await askOwners(this.#options.graph, this.#options.owners, suspects);
    return new Map(suspects.map((suspect, index) => [suspect, answers[index] ?? "not asked"]));
  }
}

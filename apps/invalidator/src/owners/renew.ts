import {
  type CachePool,
  type RateLimit,
  refresh,
  type RefreshItem,
  type RefreshOutcome,
  type RefreshRefusal,
} from "@freshet/cache";
import { type CacheKey, entityKey } from "@freshet/contracts";
import type { PlannedRefresh, PoolGraph } from "@freshet/dependency-graph";
import type { NodeWatch } from "../nodes/node-watch.ts";
import type { OwnerService } from "./owner-service.ts";
import type { Owners, RefreshSettings } from "./owners.ts";
import type { ViewParams } from "@freshet/inspect";

/** One key to renew, with where its value comes from. */
export interface Renewal {
  readonly item: RefreshItem;
  readonly view: string;
  readonly service: string;
  readonly path: string;
  readonly params: ViewParams;
}

/** Why a key is deleted without a look at memcached. */
type NotTried = "off" | "not_configured" | "lagging" | "owner_away" | "out_of_time" | "node_away";

/** How a key that its view wants renewed ended; after everything but the first four it was deleted. */
type RenewalResult = Exclude<RefreshOutcome, "deleted" | "unknown"> | RefreshRefusal | NotTried;

/** Keys per node that memcached has acknowledged, and those that are still to be deleted. */
export interface Renewed {
  readonly refreshed: ReadonlyMap<string, number>;
  readonly deleted: ReadonlyMap<string, number>;
  readonly left: readonly CacheKey[];
  readonly results: readonly { readonly view: string; readonly result: RenewalResult }[];
}

/** Keys of one batch that are renewed at the same time: two requests, one loading while the other stores. */
const maxAtOnce = 200;

/** The keys of a plan that are to be renewed. Pure. */
export function renewalsOf(planned: Iterable<PlannedRefresh>, graph: PoolGraph): readonly Renewal[] {
  return [...planned].flatMap((one) => {
    const view = graph.views.get(one.view);
    const [dependency] = view?.dependencies ?? [];
    if (view?.refreshPath === undefined || !dependency) return [];
    const { key, version } = one;
    const subject = entityKey(dependency.event.entity, one.subject);
    return {
      item: { key, subject, version, ttlSeconds: view.ttlSeconds },
      view: view.name,
      service: view.service,
      path: view.refreshPath,
      // The compiler allows refresh only where every parameter is the subject.
      params: Object.fromEntries(view.key.params.map((param) => [param, one.subject])),
    };
  });
}

/** Why nothing of this service is renewed now; undefined: it is asked. Pure. */
export function whyNotTried(
  { on, maxLagSeconds }: Pick<RefreshSettings, "on" | "maxLagSeconds">,
  owner: Pick<OwnerService, "isAway"> | undefined,
  { nowMs, oldestMs }: { readonly nowMs: number; readonly oldestMs: number },
): NotTried | undefined {
  if (!on) return "off";
  if (!owner) return "not_configured";
  if (nowMs - oldestMs > maxLagSeconds * 1_000) return "lagging";
  return owner.isAway(nowMs) ? "owner_away" : undefined;
}

/**
 * The part of step 4 that renews: REFRESH of the cache protocol, with values from the service that owns the view.
 * Whatever does not come within the time of the batch is left to be deleted, so that a slow or lying service costs
 * misses and never holds up the partition.
 */
export class Renewer {
  readonly #pool: CachePool;
  readonly #owners: Owners;
  readonly #watch: NodeWatch;
  readonly #ceiling: RateLimit;

  constructor(options: { pool: CachePool; owners: Owners; watch: NodeWatch; ceiling: RateLimit }) {
    this.#pool = options.pool;
    this.#owners = options.owners;
    this.#watch = options.watch;
    this.#ceiling = options.ceiling;
  }

  /**
   * `oldestMs`: when the batch's first record was appended. Rejects at `signal`, never because of a node or a
   * service.
   */
  async renew(renewals: readonly Renewal[], oldestMs: number, signal: AbortSignal): Promise<Renewed> {
    const { settings } = this.#owners;
    const beforeDelete = () => this.#ceiling.one(signal);
    const deadlineMs = Date.now() + settings.timeoutMs;
    const [refreshed, deleted] = [new Map<string, number>(), new Map<string, number>()];
    const [left, results]: [CacheKey[], { view: string; result: RenewalResult }[]] = [[], []];
    const giveUp = ({ item, view }: Renewal, result: RenewalResult): void => {
      left.push(item.key);
      results.push({ view, result });
    };
    const renewOne = async (renewal: Renewal): Promise<void> => {
      const { item, view, service, path, params } = renewal;
      const nowMs = Date.now();
      const owner = this.#owners.of(service);
      const not = whyNotTried(settings, owner, { nowMs, oldestMs });
      if (not !== undefined || !owner) {
        giveUp(renewal, not ?? "not_configured");
        return;
      }
      if (nowMs >= deadlineMs) {
        giveUp(renewal, "out_of_time");
        return;
      }
      if (!this.#pool.ownersOf(item.key).every((node) => this.#watch.accepts(node))) {
        giveUp(renewal, "node_away");
        return;
      }
      const load = () => owner.load(path, params, deadlineMs);
      const { outcome, refusal, nodes } = await refresh(this.#pool, item, load, { beforeDelete });
      if ([...nodes.values()].some((answer) => answer !== "acknowledged")) {
        giveUp(renewal, refusal ?? "unavailable");
        return;
      }
      const reader = this.#pool.readerNodeOf(item.key);
      for (const node of nodes.keys())
        count(node === reader && refusal === undefined ? refreshed : deleted, node);
      results.push({ view, result: refusal ?? settled(outcome) });
    };
    const queue = renewals.values();
    const worker = async (): Promise<void> => {
      for (const renewal of queue) await renewOne(renewal);
    };
    await Promise.all(Array.from({ length: Math.min(maxAtOnce, renewals.length) }, worker));
    return { refreshed, deleted, left, results };
  }
}

/** A refresh that was refused says why; only the others come here. */
function settled(outcome: RefreshOutcome): RenewalResult {
  return outcome === "deleted" || outcome === "unknown" ? "unavailable" : outcome;
}

function count(counts: Map<string, number>, node: string): void {
  counts.set(node, (counts.get(node) ?? 0) + 1);
}

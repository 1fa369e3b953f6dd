import type { ServerResponse } from "node:http";
import type { CacheKey } from "@freshet/contracts";
import type { GroupWatch } from "@freshet/kafka";
import type { Logger } from "@freshet/observability";
import type { ManifestReload } from "../manifests/reload.ts";
import type { InvalidatorMetrics } from "../operator/metrics.ts";
import { statusOf } from "../operator/status.ts";
import type { PoolPipeline } from "../pool-pipeline.ts";
import type { PoolPipelines } from "../pools.ts";
import { askAuditor } from "./audit.ts";
import { History, slotSeconds } from "./history.ts";
import { invalidationsOf } from "./invalidations.ts";
import { lookAt } from "./look.ts";
import type { Audit, Beat, Hello, Invalidation, Outbox, Picture, Slot } from "./message.ts";
import { askOutboxes } from "./outbox.ts";
import { pictureOf } from "./picture.ts";
import type { RecentBatch } from "./recent.ts";
import { liveEvent, Viewers } from "./viewers.ts";

/** What the page shows lives on this. */
export interface LiveSources {
  readonly pools: PoolPipelines;
  readonly reload: ManifestReload;
  readonly groups: GroupWatch;
  readonly metrics: InvalidatorMetrics;
  readonly logger: Logger;
  readonly deployment: string;
  readonly serviceUrl: (service: string) => string | undefined;
  readonly auditorUrl: string | undefined;
}

const beatMs = 1_000;
/** Others are asked this often, while somebody watches. */
const askEveryMs = 5_000;
/** The most rows of recent invalidations that one message holds. */
const rowsAtOnce = 50;

/**
 * The live page's data. Once a second the pools and the metrics are looked at, for the last hour; everything else is
 * worked out only while somebody watches.
 */
export class LivePage {
  readonly #sources: LiveSources;
  readonly #history = new History();
  readonly #viewers = new Viewers();
  readonly #startedAtMs = Date.now();
  /** Of each pool, the next batch to show; by its ring, since a pool that was opened again begins anew. */
  readonly #shown = new WeakMap<object, number>();
  #pictureOfHash = "";
  #outbox: Outbox = { known: false, why: "the services have not been asked yet" };
  #audit: Audit = { known: false, why: "the auditor has not been asked yet" };
  #askedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #beat: Promise<void> = Promise.resolve();

  constructor(sources: LiveSources) {
    this.#sources = sources;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#beat = this.#beat
        .then(() => this.#onBeat())
        .catch((error: unknown) => {
          this.#sources.logger.warn({ error: String(error) }, "the live page misses a beat");
        });
    }, beatMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#viewers.close();
    await this.#beat;
  }

  /** Begins to send to a viewer; false when there are too many. */
  watch(response: ServerResponse): boolean {
    this.#askOthers();
    return this.#viewers.add(response, () => liveEvent("hello", this.#hello()));
  }

  async #onBeat(): Promise<void> {
    const { pools, metrics, reload } = this.#sources;
    const slot = this.#history.add(await lookAt(pools, metrics, Date.now()));
    if (this.#viewers.size === 0) {
      for (const { recent } of pools.all) this.#shown.set(recent, recent.position);
      return;
    }
    this.#askOthers();
    if (reload.hash !== this.#pictureOfHash) this.#viewers.send(liveEvent("picture", this.#picture()));
    this.#viewers.send(liveEvent("beat", this.#message(slot ?? null)));
  }

  #message(slot: Slot | null): Beat {
    const { pools, reload, groups } = this.#sources;
    const invalidations = this.#rows(({ recent }) => recent.since(this.#shown.get(recent) ?? 0));
    for (const { recent } of pools.all) this.#shown.set(recent, recent.position);
    return {
      atMs: Date.now(),
      status: statusOf(pools, groups, reload),
      now: this.#history.now(),
      slot,
      invalidations,
      outbox: this.#outbox,
      audit: this.#audit,
    };
  }

  #hello(): Hello {
    return {
      deployment: this.#sources.deployment,
      startedAtMs: this.#startedAtMs,
      slotSeconds,
      slots: this.#history.slots,
      // What came after the last beat is in the next one, for everybody.
      invalidations: this.#rows(({ recent }) => recent.until(this.#shown.get(recent) ?? 0)),
      picture: this.#picture(),
    };
  }

  #picture(): Picture {
    const { pools, reload } = this.#sources;
    this.#pictureOfHash = reload.hash;
    return pictureOf(pools.all.flatMap(({ graph }) => [...graph.views.values()]));
  }

  /** The last rows of these batches, the oldest first. */
  #rows(batchesOf: (pipeline: PoolPipeline) => readonly RecentBatch[]): readonly Invalidation[] {
    const rows = this.#sources.pools.all.flatMap((pipeline) => {
      const nodesOf = (key: CacheKey) => pipeline.nodes.byOwner([key]).keys();
      const ofPool: Invalidation[] = [];
      for (const batch of batchesOf(pipeline).toReversed()) {
        if (ofPool.length >= rowsAtOnce) break; // the plan of a large event takes milliseconds
        ofPool.unshift(...invalidationsOf(pipeline.name, batch, nodesOf));
      }
      return ofPool;
    });
    return rows.sort((one, other) => one.atMs - other.atMs).slice(-rowsAtOnce);
  }

  #askOthers(): void {
    const nowMs = Date.now();
    if (nowMs - this.#askedAtMs < askEveryMs) return;
    this.#askedAtMs = nowMs;
    const { pools, serviceUrl, auditorUrl } = this.#sources;
    const views = pools.all.flatMap(({ graph }) => [...graph.views.values()]);
    const services = new Set(pictureOf(views).events.map(({ service }) => service));
    void askOutboxes([...services].map((service) => ({ service, url: serviceUrl(service) }))).then(
      (answer) => {
        this.#outbox = answer;
      },
    );
    void askAuditor(auditorUrl).then((answer) => {
      this.#audit = answer;
    });
  }
}

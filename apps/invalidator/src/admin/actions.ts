import type { ControlRecord } from "@freshet/inspect";
import type { Logger } from "@freshet/observability";
import type { ControlLog } from "../control/control-log.ts";
import type { Pauses } from "../control/pauses.ts";
import { flushPool } from "../nodes/pool-nodes.ts";
import type { PoolPipeline } from "../pool-pipeline.ts";
import type { PoolPipelines } from "../pools.ts";

/** What an operator may ask of a running invalidator; every replica of the deployment does the same. */
export class AdminActions {
  readonly #pools: PoolPipelines;
  readonly #pauses: Pauses;
  readonly #log: ControlLog;
  readonly #logger: Logger;

  constructor(options: { pools: PoolPipelines; pauses: Pauses; log: ControlLog; logger: Logger }) {
    this.#pools = options.pools;
    this.#pauses = options.pauses;
    this.#log = options.log;
    this.#logger = options.logger;
  }

  /** The pool of this name; undefined: it is not served here. */
  pool(name: string): PoolPipeline | undefined {
    return this.#pools.all.find((pool) => pool.name === name);
  }

  get poolNames(): string[] {
    return this.#pools.all.map(({ name }) => name);
  }

  /** Since when the pool is paused: a pause of a paused pool changes nothing. */
  async pause({ name }: PoolPipeline): Promise<number> {
    await this.#log.readToEnd();
    const since = this.#pauses.sinceMs(name);
    if (since !== undefined) return since;
    const sinceMs = Date.now();
    await this.#log.write({ kind: "pause", pool: name, sinceMs });
    return sinceMs;
  }

  /** For how long it was paused, in ms. */
  async resume({ name }: PoolPipeline): Promise<number> {
    await this.#log.readToEnd();
    const since = this.#pauses.sinceMs(name);
    await this.#log.write({ kind: "pause", pool: name, sinceMs: undefined });
    return since === undefined ? 0 : Date.now() - since;
  }

  /** Gaps and marks from before this time are made up for. */
  async settle({ name }: PoolPipeline, beforeMs: number): Promise<void> {
    await this.#log.write({ kind: "settle", pool: name, beforeMs });
  }

  /**
   * Flushes the nodes of a dedicated pool one after the other, then settles what they had missed before.
   * @throws FreshetError of the first node that does not acknowledge; those before it are flushed
   */
  async flush(pool: PoolPipeline): Promise<string[]> {
    const flushed: string[] = [];
    const beforeMs = Date.now();
    await flushPool(pool.nodes, (node) => {
      flushed.push(node);
      pool.report.flushed(node, "operator");
    });
    await this.settle(pool, beforeMs);
    return flushed;
  }

  /** Does here what an operator has told the deployment. */
  apply(record: ControlRecord): void {
    if (record.kind === "pause") this.#applyPause(record.pool, record.sinceMs);
    else this.#applySettle(record.pool, record.beforeMs);
  }

  #applyPause(name: string, sinceMs: number | undefined): void {
    if (this.#pauses.sinceMs(name) === sinceMs) return;
    this.#pauses.set(name, sinceMs);
    this.#logger.warn({ pool: name }, sinceMs === undefined ? "the pool is resumed" : "the pool is paused");
  }

  #applySettle(name: string, beforeMs: number): void {
    const pool = this.pool(name);
    if (pool === undefined) return;
    const gaps = pool.report.settleGaps(beforeMs);
    const partitions = pool.settleMarks(beforeMs);
    if (gaps + partitions > 0)
      this.#logger.warn(
        { pool: name, gaps, partitions },
        "an operator has settled gaps and missed deletions",
      );
  }
}

import { channel } from "node:diagnostics_channel";
import { structuredContentType } from "@freshet/contracts";
import { firstBatchRows, nextBatchRows } from "./batch-rows.ts";
import {
  type Backlog,
  bury,
  claim,
  measureBacklog,
  type OutboxClient,
  type OutboxPool,
  type OutboxRow,
} from "./claim.ts";
import { publishParts } from "./parts.ts";
import { within } from "./within.ts";

// The relay's states.
//
//            ┌────────────── nothing left ◀──┐
//            ▼                               │
//   idle ──wake, poll──▶ [lock, claim, publish, commit] ──more waits──▶ again
//                           │          │
//        lock held by another          publish rejected or late: rolled back
//                           ▼          ▼
//                        standby   broker_down ──ping answers──▶ idle       database_down: any statement failed
//
// In broker_down no transaction is opened: the broker is asked by `ping` alone, once every poll.

/** Where a relay stands; its file draws the transitions. */
export type RelayState = "idle" | "standby" | "broker_down" | "database_down" | "stopped";

/** What the relay tells its app, for logs and metrics. No personal data. */
export type RelayEvent =
  | { readonly type: "state"; readonly state: RelayState; readonly error?: unknown }
  | ({ readonly type: "backlog" } & Backlog)
  | { readonly type: "published"; readonly rows: number }
  | { readonly type: "dead"; readonly eventId: string; readonly topic: string; readonly reason: string };

/** One message for the log; `key` is the entity's id. */
export interface OutboxMessage {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a relay is given; bounds have defaults. */
export interface RelayOptions {
  /** One of its connections is the relay's for as long as it runs: it needs two at least. */
  readonly pool: OutboxPool;
  /**
   * Sends the messages and answers in their order what became of each. MUST answer "published" only when all in-sync
   * replicas acknowledged it, MUST keep the order of messages that have one key, and MUST reject when the fate of
   * any is unknown. It is called again with messages that a rejected or late call already wrote.
   */
  readonly publish: (
    messages: readonly OutboxMessage[],
    options: { readonly signal: AbortSignal },
  ) => Promise<readonly ("published" | "too_large")[]>;
  /** Rejects while the broker cannot be reached. */
  readonly ping: (options: { readonly signal: AbortSignal }) => Promise<void>;
  readonly on?: (event: RelayEvent) => void;
  /** Rows of one claim at the most; fewer of large ones, so that it has about 2 MiB. A transaction has up to four. */
  readonly batchRows?: number;
  /** How long one batch may take to publish, in ms. Its transaction is open as long. */
  readonly publishTimeoutMs?: number;
  /** How long to wait for another replica's batch, in ms. */
  readonly lockTimeoutMs?: number;
  /** The slow poll, for rows whose writer died before it could wake anybody, and the pause after a failure, in ms. */
  readonly pollIntervalMs?: number;
}

const committed = channel("freshet:outbox.committed");

// How much longer than a batch may take PostgreSQL waits before it frees the lock of a frozen relay.
const idleMarginMs = 5_000;
const tooLarge = "larger than the topic's max.message.bytes";

/** Moves the rows of the outbox to the log, at least once and in order. Any number of replicas may run. */
export class OutboxRelay {
  readonly #options: Required<Omit<RelayOptions, "on">> & Pick<RelayOptions, "on">;
  #state: RelayState = "stopped";
  #brokerAnswers = false;
  #measuredAtMs = -Infinity;
  #batchRows: number;
  #woken = false;
  #endPause: (() => void) | undefined;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: RelayOptions) {
    this.#options = {
      batchRows: 1_000,
      publishTimeoutMs: 10_000,
      lockTimeoutMs: 2_000,
      pollIntervalMs: 1_000,
      ...options,
    };
    this.#batchRows = Math.min(firstBatchRows, this.#options.batchRows);
  }

  get state(): RelayState {
    return this.#state;
  }

  start(): void {
    this.#stopping = false;
    this.#running ??= this.#run();
  }

  /** Says that a row was committed. Costs nothing, never fails: the poll finds the row anyway. */
  wake(): void {
    this.#woken = true;
    if (this.#isHealthy()) this.#endPause?.();
  }

  /** Ends after the batch at hand, which takes at most `publishTimeoutMs`. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#endPause?.();
    await this.#running;
    this.#running = undefined;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#withClient((client, isLost) => this.#rounds(client, isLost));
      } catch (error) {
        this.#enter("database_down", error);
        await this.#pause();
      }
    }
    this.#enter("stopped");
  }

  /**
   * Rounds on one connection, until it is lost or the relay stops. It is kept while nothing waits: fetched from the pool
   * for each round, it came only after the writer's answer had been rendered and sent, 0.6 ms later.
   */
  async #rounds(client: OutboxClient, isLost: () => boolean): Promise<void> {
    while (!this.#stopping && !isLost()) {
      const isWoken = this.#woken;
      this.#woken = false;
      const more = await this.#round(client, isWoken);
      if (!more && !isLost()) await this.#pause();
    }
  }

  /**
   * One turn: measure when the poll is due, ask the broker if it failed, publish one batch. True: more waits. A row
   * that somebody has just committed does not wait for the measurement: that comes after it.
   */
  async #round(client: OutboxClient, isWoken: boolean): Promise<boolean> {
    const { publishTimeoutMs, pollIntervalMs, ping } = this.#options;
    const isDue = performance.now() - this.#measuredAtMs >= pollIntervalMs;
    const rowsFirst = isWoken && this.#brokerAnswers;
    if (isDue && !rowsFirst && (await this.#measure(client)) === 0 && this.#brokerAnswers) {
      this.#enter("idle");
      return false;
    }
    if (!this.#brokerAnswers) {
      try {
        await within(publishTimeoutMs, "asking the broker", (signal) => ping({ signal }));
      } catch (error) {
        this.#enter("broker_down", error);
        return false;
      }
      this.#brokerAnswers = true;
    }
    const more = await this.#batch(client);
    if (isDue && rowsFirst) await this.#measure(client);
    return more;
  }

  /** Answers how many rows wait, and tells it. */
  async #measure(client: OutboxClient): Promise<number> {
    const backlog = await measureBacklog(client);
    this.#measuredAtMs = performance.now();
    this.#emit({ type: "backlog", ...backlog });
    return backlog.rows;
  }

  /** Lock, claim, publish, and only then commit. True when more may wait. */
  async #batch(client: OutboxClient): Promise<boolean> {
    const { batchRows, lockTimeoutMs, publishTimeoutMs, publish } = this.#options;
    const limit = this.#batchRows;
    const idleTimeoutMs = publishTimeoutMs + idleMarginMs;
    const first = await claim(client, { limit, lockTimeoutMs, idleTimeoutMs });
    if (first === undefined) {
      this.#enter("standby");
      return false;
    }
    if (first.length === 0) {
      await client.query("COMMIT");
      this.#enter("idle");
      return false;
    }
    const { rows, dead, lastPart, more, error } = await publishParts(client, first, {
      limit,
      publish: (part) =>
        within(publishTimeoutMs, "publishing a batch", (signal) => publish(part.map(messageOf), { signal })),
      isStopping: () => this.#stopping,
    });
    if (rows > 0) {
      await bury(client, dead, tooLarge);
      await client.query("COMMIT");
      committed.publish({ rows });
      this.#emit({ type: "published", rows: rows - dead.length });
      for (const { id, topic } of dead) this.#emit({ type: "dead", eventId: id, topic, reason: tooLarge });
    }
    if (error !== undefined) {
      this.#brokerAnswers = false;
      this.#enter("broker_down", error);
      return false;
    }
    this.#enter("idle");
    this.#batchRows = nextBatchRows(lastPart, batchRows);
    return more;
  }

  /** A connection that fails is closed, which rolls its transaction back; one that is lost must not end the process. */
  async #withClient(use: (client: OutboxClient, isLost: () => boolean) => Promise<void>): Promise<void> {
    const client = await this.#options.pool.connect();
    let isLost = false;
    const lost = (): void => {
      isLost = true; // a query under way rejects; without one, the pause ends
      this.#endPause?.();
    };
    client.on("error", lost);
    let destroy = true;
    try {
      await use(client, () => isLost);
      destroy = isLost;
    } finally {
      client.off("error", lost);
      client.release(destroy);
    }
  }

  async #pause(): Promise<void> {
    if (this.#stopping || (this.#woken && this.#isHealthy())) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, this.#options.pollIntervalMs);
      this.#endPause = end;
    });
    this.#endPause = undefined;
  }

  /** Whether a wake may end the pause: while a server is down, each write would only try it again. */
  #isHealthy(): boolean {
    return this.#state === "idle" || this.#state === "standby";
  }

  #enter(state: RelayState, error?: unknown): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit({ type: "state", state, ...(error === undefined ? {} : { error }) });
  }

  #emit(event: RelayEvent): void {
    this.#options.on?.(event);
  }
}

function messageOf({ topic, aggregateid, payload }: OutboxRow): OutboxMessage {
  return { topic, key: aggregateid, value: payload, headers: { "content-type": structuredContentType } };
}

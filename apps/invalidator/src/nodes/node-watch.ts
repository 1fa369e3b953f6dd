import type { BulkInvalidator } from "@freshet/cache";
import { type CatchUp, type CatchUpProgress, type CaughtUp, NodeFailed } from "./catch-up.ts";
import type { MissedOffsets, PartitionId } from "./missed-offsets.ts";

/**
 * States of a node:
 *
 *     up ──a delete failed──▶ away ──probe answered──▶ catching-up ──replayed or flushed──▶ up
 *      │                       ▲                         │     ▲
 *      │                       └─────────failed──────────┘     │
 *      └──────────it owes: a partition came with marks─────────┘
 *
 * Away: no delete is sent, the marks in MissedOffsets tell what is owed. Catching-up: deletes go to the node
 * again, so that nothing falls between the end of the replay and the first live delete. Where the missed records can't
 * be read any more and the pool is not dedicated, the node goes back to up, these marks stay in the commit metadata,
 * and an operator settles them; they are looked at again every minute, since they pass with the hard TTL.
 */
export type NodeState = "up" | "away" | "catching-up";

/** What happens to nodes, for metrics and logs. */
export type NodeEvent =
  | { readonly type: "node-away"; readonly node: string; readonly error: unknown }
  | { readonly type: "node-back"; readonly node: string; readonly caughtUp: CaughtUp | undefined }
  | { readonly type: "node-owes"; readonly node: string; readonly partitions: readonly PartitionId[] }
  | { readonly type: "catch-up-failed"; readonly node: string; readonly error: unknown };

const lookAgainMs = 60_000;

/** Marks that could not be settled when they were last looked at. */
interface Unreadable {
  readonly marks: ReadonlyMap<PartitionId, bigint>;
  readonly atMs: number;
}

/** Probes every node of a pool and brings one that was away up to date. */
export class NodeWatch {
  readonly #nodes: BulkInvalidator;
  readonly #missed: MissedOffsets;
  readonly #catchUp: CatchUp;
  readonly #onEvent: (event: NodeEvent) => void;
  readonly #states = new Map<string, NodeState>();
  readonly #underWay = new Map<string, { readonly given: AbortController; readonly ended: Promise<void> }>();
  readonly #unreadable = new Map<string, Unreadable>();
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: {
    nodes: BulkInvalidator;
    missed: MissedOffsets;
    catchUp: CatchUp;
    onEvent: (event: NodeEvent) => void;
  }) {
    this.#nodes = options.nodes;
    this.#missed = options.missed;
    this.#catchUp = options.catchUp;
    this.#onEvent = options.onEvent;
  }

  /** Probes all nodes every `intervalMs`, one round at a time. */
  start(intervalMs = 1_000): void {
    const schedule = () => {
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => {
        this.#round = this.checkAll().finally(schedule);
      }, intervalMs);
    };
    schedule();
  }

  /** Stops probing, gives up what is being caught up (its marks stay) and waits for both. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    for (const { given } of this.#underWay.values()) given.abort();
    await this.#round;
    await Promise.all([...this.#underWay.values()].map(({ ended }) => ended));
  }

  stateOf(node: string): NodeState {
    return this.#states.get(node) ?? "up";
  }

  /** How far the node is caught up; undefined: it is not being replayed. */
  progressOf(node: string): CatchUpProgress | undefined {
    return this.#catchUp.progressOf(node);
  }

  /** Partitions whose missed records can't be read any more: nothing but an operator or the hard TTL settles them. */
  unreadableOf(node: string): PartitionId[] {
    const marks = this.#unreadable.get(node)?.marks ?? new Map<PartitionId, bigint>();
    return [...marks].filter(([id, mark]) => this.#missed.of(id)[node] === mark).map(([id]) => id);
  }

  /** Whether deletes are sent to the node. */
  accepts(node: string): boolean {
    return this.stateOf(node) !== "away";
  }

  /** A delete failed: the node gets none until a probe answers. */
  failed(node: string, error: unknown): void {
    if (this.stateOf(node) === "away") return;
    this.#states.set(node, "away");
    this.#underWay.get(node)?.given.abort();
    this.#onEvent({ type: "node-away", node, error });
  }

  /** One round over all nodes, side by side; never rejects. */
  async checkAll(): Promise<void> {
    await Promise.allSettled(this.#nodes.nodes.map((node) => this.#check(node)));
  }

  async #check(node: string): Promise<void> {
    try {
      await this.#nodes.probe(node);
    } catch (error) {
      this.failed(node, error);
      return;
    }
    if (this.#isStopped || this.#underWay.has(node)) return;
    const owed = this.#missed.partitionsOf(node);
    const isNew = owed.length > this.unreadableOf(node).length;
    const isDue = Date.now() - (this.#unreadable.get(node)?.atMs ?? 0) >= lookAgainMs;
    if (owed.length > 0 && (isNew || isDue)) this.#begin(node);
    else if (this.stateOf(node) !== "up") {
      this.#states.set(node, "up");
      this.#onEvent({ type: "node-back", node, caughtUp: undefined });
    }
  }

  #begin(node: string): void {
    const wasAway = this.stateOf(node) === "away";
    this.#states.set(node, "catching-up");
    const given = new AbortController();
    const ended = this.#catchUp
      .run(node, given.signal)
      .then((caughtUp) => {
        this.#end(node, caughtUp, wasAway);
      })
      .catch((error: unknown) => {
        if (given.signal.aborted) return;
        if (error instanceof NodeFailed) this.failed(node, error.cause);
        else this.#onEvent({ type: "catch-up-failed", node, error });
      })
      .finally(() => {
        this.#underWay.delete(node);
      });
    this.#underWay.set(node, { given, ended });
  }

  #end(node: string, caughtUp: CaughtUp, wasAway: boolean): void {
    // A delete that failed meanwhile has put the node away again, with a mark of its own.
    if (this.stateOf(node) === "catching-up") this.#states.set(node, "up");
    const lost = caughtUp.how === "replayed" ? caughtUp.lost : [];
    const known = new Set(this.unreadableOf(node));
    const marks = lost.map((id) => [id, this.#missed.of(id)[node] ?? 0n] as const);
    this.#unreadable.set(node, { marks: new Map(marks), atMs: Date.now() });
    if (wasAway || caughtUp.how === "flushed" || caughtUp.events > 0)
      this.#onEvent({ type: "node-back", node, caughtUp });
    if (lost.some((id) => !known.has(id))) this.#onEvent({ type: "node-owes", node, partitions: lost });
  }
}

import type { BulkInvalidator } from "@freshet/cache";
import type { MissedOffsets, PartitionId } from "./missed-offsets.ts";

/**
 * States of a node:
 *
 *     up ──a delete failed──▶ away ──probe answered──▶ catching-up ──flush acknowledged──▶ up
 *                              ▲                            │
 *                              └────────failed──────────────┘
 *
 * Away: no delete is sent, the marks in MissedOffsets tell what is owed. Catching-up: deletes go to the node
 * again, so that nothing falls between the flush and the first live delete. A pool that is not dedicated may not
 * be flushed: its node goes back to up, its marks stay in the commit metadata, and an operator settles them.
 */
export type NodeState = "up" | "away" | "catching-up";

/** What happens to nodes, for metrics and logs. */
export type NodeEvent =
  | { readonly type: "node-away"; readonly node: string; readonly error: unknown }
  | { readonly type: "node-back"; readonly node: string; readonly flushed: boolean }
  | { readonly type: "node-owes"; readonly node: string; readonly partitions: readonly PartitionId[] };

/** Probes every node of a pool and brings one that was away up to date. */
export class NodeWatch {
  readonly #nodes: BulkInvalidator;
  readonly #missed: MissedOffsets;
  readonly #dedicated: boolean;
  readonly #onEvent: (event: NodeEvent) => void;
  readonly #recommit: (partitions: readonly PartitionId[]) => void;
  readonly #states = new Map<string, NodeState>();
  readonly #announcedDebt = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: {
    nodes: BulkInvalidator;
    missed: MissedOffsets;
    dedicated: boolean;
    onEvent: (event: NodeEvent) => void;
    /** Writes the changed marks of these partitions into their commit metadata. */
    recommit: (partitions: readonly PartitionId[]) => void;
  }) {
    this.#nodes = options.nodes;
    this.#missed = options.missed;
    this.#dedicated = options.dedicated;
    this.#onEvent = options.onEvent;
    this.#recommit = options.recommit;
  }

  /** Probes all nodes every `intervalMs`, one round at a time. */
  start(intervalMs = 1_000): void {
    const schedule = () => {
      this.#timer = setTimeout(() => {
        this.#round = this.checkAll().finally(schedule);
      }, intervalMs);
    };
    schedule();
  }

  /** Stops probing and waits for the round under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#round;
    clearTimeout(this.#timer);
  }

  stateOf(node: string): NodeState {
    return this.#states.get(node) ?? "up";
  }

  /** Whether deletes are sent to the node. */
  accepts(node: string): boolean {
    return this.stateOf(node) !== "away";
  }

  /** A delete failed: the node gets none until a probe answers. */
  failed(node: string, error: unknown): void {
    if (this.stateOf(node) === "away") return;
    this.#states.set(node, "away");
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
    const owed = this.#missed.partitionsOf(node);
    if (owed.length === 0) this.#announcedDebt.delete(node);
    if (owed.length === 0 && this.stateOf(node) === "up") return;
    if (owed.length > 0 && this.#dedicated) await this.#flush(node, owed);
    else this.#comeBack(node, owed);
  }

  async #flush(node: string, owed: readonly PartitionId[]): Promise<void> {
    this.#states.set(node, "catching-up");
    this.#missed.beginCatchUp(node);
    let clean = false;
    try {
      await this.#nodes.flush(node);
      clean = true;
    } catch (error) {
      this.failed(node, error);
    }
    this.#missed.endCatchUp(node, clean);
    if (!clean) return;
    // A delete that failed meanwhile has put the node away again, with a mark of its own.
    if (this.stateOf(node) === "catching-up") this.#states.set(node, "up");
    this.#onEvent({ type: "node-back", node, flushed: true });
    this.#recommit(owed);
  }

  #comeBack(node: string, owed: readonly PartitionId[]): void {
    if (this.stateOf(node) !== "up") {
      this.#states.set(node, "up");
      this.#onEvent({ type: "node-back", node, flushed: false });
    }
    if (owed.length > 0 && !this.#announcedDebt.has(node)) {
      this.#announcedDebt.add(node);
      this.#onEvent({ type: "node-owes", node, partitions: owed });
    }
  }
}

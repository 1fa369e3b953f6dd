/** Topic and partition as one map key. */
export type PartitionId = `${string}/${number}`;

export function partitionId(topic: string, partition: number): PartitionId {
  return `${topic}/${partition}`;
}

/** The topic and partition that a `partitionId` was made from; a topic's name holds no slash. */
export function topicPartition(id: PartitionId): { topic: string; partition: number } {
  const slash = id.lastIndexOf("/");
  return { topic: id.slice(0, slash), partition: Number(id.slice(slash + 1)) };
}

/** As commit metadata holds it: node → oldest missed offset, or `*`: every node is too far behind. */
export type CommittedMarks = Readonly<Record<string, bigint>> | "*";

/**
 * Which invalidations a node has not acknowledged: per partition and node the oldest missed offset. These marks
 * go into the metadata of every commit, so that they outlive this process (I4).
 *
 * Catching up is two-phased: `beginCatchUp` sets the marks of a node aside, deletes that fail from then on make
 * new marks, and only the marks that were set aside rise with the replay and are dropped at its end, or once a flush
 * is acknowledged.
 */
export class MissedOffsets {
  readonly #open = new Map<PartitionId, Map<string, bigint>>();
  readonly #catchingUp = new Map<PartitionId, Map<string, bigint>>();
  /** When the node missed something last, or its mark was taken over, in ms since 1970. */
  readonly #lastMs = new Map<PartitionId, Map<string, number>>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Notes that `node` missed deletions at or after `offset`. */
  mark(partition: PartitionId, node: string, offset: bigint): void {
    lower(this.#open, partition, node, offset);
    const last = this.#lastMs.get(partition) ?? new Map<string, number>();
    this.#lastMs.set(partition, last.set(node, this.#nowMs()));
  }

  /**
   * Drops the marks of all that was missed before this time: an operator has made up for it. One of a node that has
   * missed something since stays as it is. Answers the partitions whose marks changed.
   */
  settleBefore(beforeMs: number): PartitionId[] {
    const changed = new Set<PartitionId>();
    for (const [partition, nodes] of this.#open)
      for (const node of [...nodes.keys()]) {
        if ((this.#lastMs.get(partition)?.get(node) ?? beforeMs) >= beforeMs) continue;
        nodes.delete(node);
        changed.add(partition);
      }
    return [...changed];
  }

  /**
   * Takes over what an earlier owner of the partition committed, in place of what was held before. Nodes that no
   * list names any more are dropped; `*` is a debt of every node since the beginning.
   */
  restore(partition: PartitionId, missed: CommittedMarks, nodes: readonly string[]): void {
    this.drop(partition);
    for (const node of nodes) {
      const offset = missed === "*" ? 0n : missed[node];
      if (offset !== undefined) this.mark(partition, node, offset);
    }
  }

  /** Forgets a partition that another member owns now. */
  drop(partition: PartitionId): void {
    this.#open.delete(partition);
    this.#catchingUp.delete(partition);
    this.#lastMs.delete(partition);
  }

  /** What the next commit of this partition must name: node → oldest missed offset. */
  of(partition: PartitionId): Record<string, bigint> {
    const missed = Object.fromEntries(this.#open.get(partition) ?? []);
    for (const [node, offset] of this.#catchingUp.get(partition) ?? []) {
      const open = missed[node];
      missed[node] = open === undefined || offset < open ? offset : open;
    }
    return missed;
  }

  /** The partitions in which `node` has missed something. */
  partitionsOf(node: string): PartitionId[] {
    const partitions = [...this.#open, ...this.#catchingUp].filter(([, nodes]) => nodes.has(node));
    return [...new Set(partitions.map(([partition]) => partition))];
  }

  /** The mark that was set aside; undefined: there is none, or none any more. */
  catchingUpFrom(partition: PartitionId, node: string): bigint | undefined {
    return this.#catchingUp.get(partition)?.get(node);
  }

  /**
   * Raises the mark that was set aside: what lies below `offset` is acknowledged. False: the partition was dropped or
   * restored meanwhile, and its marks are somebody else's to settle.
   */
  advance(partition: PartitionId, node: string, offset: bigint): boolean {
    const nodes = this.#catchingUp.get(partition);
    const marked = nodes?.get(node);
    if (nodes === undefined || marked === undefined) return false;
    if (offset > marked) nodes.set(node, offset);
    return true;
  }

  /** Drops the mark that was set aside: all of it is acknowledged. */
  settle(partition: PartitionId, node: string): void {
    this.#catchingUp.get(partition)?.delete(node);
  }

  /** Sets the node's marks aside; call before the replay or the flush, with deletes going to the node again. */
  beginCatchUp(node: string): void {
    for (const [partition, nodes] of this.#open) {
      const offset = nodes.get(node);
      if (offset === undefined) continue;
      nodes.delete(node);
      lower(this.#catchingUp, partition, node, offset);
    }
  }

  /** Drops the marks that were set aside (the node is clean) or puts them back (it is not). */
  endCatchUp(node: string, clean: boolean): void {
    for (const [partition, nodes] of this.#catchingUp) {
      const offset = nodes.get(node);
      if (offset === undefined) continue;
      nodes.delete(node);
      if (!clean) lower(this.#open, partition, node, offset);
    }
  }
}

function lower(
  marks: Map<PartitionId, Map<string, bigint>>,
  partition: PartitionId,
  node: string,
  offset: bigint,
): void {
  const nodes = marks.get(partition) ?? new Map<string, bigint>();
  marks.set(partition, nodes);
  const marked = nodes.get(node);
  if (marked === undefined || offset < marked) nodes.set(node, offset);
}

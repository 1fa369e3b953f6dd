/** Topic and partition as one map key. */
export type PartitionId = `${string}/${number}`;

export function partitionId(topic: string, partition: number): PartitionId {
  return `${topic}/${partition}`;
}

/** In commit metadata: every node is too far behind to name them one by one. */
export const everyNode = "*";

/**
 * Which invalidations a node has not acknowledged: per partition and node the oldest missed offset. These marks
 * go into the metadata of every commit, so that they outlive this process (I4).
 *
 * Catching up is two-phased: `beginCatchUp` sets the marks of a node aside, deletes that fail from then on make
 * new marks, and only the marks that were set aside are dropped once the flush is acknowledged.
 */
export class MissedOffsets {
  readonly #open = new Map<PartitionId, Map<string, bigint>>();
  readonly #catchingUp = new Map<PartitionId, Map<string, bigint>>();

  /** Notes that `node` missed deletions at or after `offset`. */
  mark(partition: PartitionId, node: string, offset: bigint): void {
    lower(this.#open, partition, node, offset);
  }

  /** Takes over the marks that an earlier owner of the partition committed; nodes in no list any more are dropped. */
  restore(partition: PartitionId, missed: Readonly<Record<string, bigint>>, nodes: readonly string[]): void {
    for (const [node, offset] of Object.entries(missed))
      for (const named of node === everyNode ? nodes : nodes.filter((known) => known === node))
        this.mark(partition, named, offset);
  }

  /** Forgets a partition that another member owns now. */
  drop(partition: PartitionId): void {
    this.#open.delete(partition);
    this.#catchingUp.delete(partition);
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

  /** Sets the node's marks aside; call before the flush, with deletes going to the node again. */
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

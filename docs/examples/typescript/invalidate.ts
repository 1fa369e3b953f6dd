// An invalidator of one pool, in its simplest form: batch → decode → plan → delete → commit. The app adds dead letters,
// nodes that are away, refreshes, health and metrics.
import { BulkInvalidator } from "@freshet/cache";
import { decodeChangeEvent } from "@freshet/contracts";
import { CoalescedPlan } from "@freshet/dependency-graph";
import { BatchConsumer, consumerGroupId, createKafka, type EventBatch } from "@freshet/kafka";
import { graphOfNotes } from "./plan.ts";

export function startInvalidator(brokers: string[], nodes: string) {
  const graph = graphOfNotes(nodes.split(","));
  const invalidator = new BulkInvalidator({ nodes });
  const consumer = new BatchConsumer({
    kafka: createKafka({ brokers, clientId: "note-invalidator" }),
    groupId: consumerGroupId("example", "notes"),
    topics: graph.topics,
    longestHardTtlMs: () => graph.longestHardTtlSeconds * 1_000,
    hooks: {
      topology: () => invalidator.topologyHash,
      missed: () => ({}),
      onAssigned: () => undefined,
      onRevoked: () => undefined,
      onGap: (gap) => {
        console.error("events are lost", gap);
      },
      onFailure: ({ step, error }) => {
        console.error(step, error);
      },
    },
  });
  consumer.start(async ({ messages }: EventBatch) => {
    const batch = new CoalescedPlan();
    for (const message of messages) {
      const decoded = decodeChangeEvent(message);
      if (decoded.ok) batch.add(graph, decoded.event);
    }
    const answers = await invalidator.invalidate(batch.deletes);
    // Thrown here, the batch comes again: an unacknowledged delete must not be committed.
    for (const answer of answers.values()) if (answer !== "acknowledged") throw answer;
    return { done: BigInt(messages.at(-1)?.offset ?? -1) + 1n };
  });
  return async () => {
    await consumer.close();
    invalidator.close();
  };
}

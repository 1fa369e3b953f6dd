import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
  type AssignedPartition,
  BatchConsumer,
  type BatchHandler,
  type CommitMetadata,
  type ConsumerFailure,
  type ConsumerSettings,
  createEventPublisher,
  createKafka,
  decodeCommitMetadata,
  type EventBatch,
  type Gap,
  type MissedOffsets,
} from "@freshet/kafka";
import type { Admin, Kafka } from "kafkajs";
import { expect, inject } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { waitFor } from "../../support/wait-for.ts";

export const hourMs = 3_600_000;

export function testKafka(brokers = inject("kafkaBrokers")): Kafka {
  return createKafka({ brokers, clientId: "spec" });
}

export async function withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = testKafka().admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Publishes `values` in order, as one key, so that a topic of several partitions keeps them together. */
export async function publish(topic: string, values: readonly string[], key = "k"): Promise<void> {
  const publisher = createEventPublisher(testKafka());
  const messages = values.map((value) => ({ topic, key, value }));
  try {
    // A publisher tries once; as the outbox does, its caller repeats (a new partition has no leader at first).
    await waitFor(() => publisher.publish(messages), {
      describe: `${values.length} records to be published`,
    });
  } finally {
    await publisher.close();
  }
}

/** Publishes to given partitions, one record each and exactly once. */
export async function publishTo(
  topic: string,
  partitions: readonly number[],
  prefix: string,
): Promise<string[]> {
  const producer = testKafka().producer({
    allowAutoTopicCreation: false,
    createPartitioner: () => (args) => args.message.partition ?? 0,
    retry: { retries: 0 },
  });
  await producer.connect();
  for (const partition of partitions)
    // A send to several partitions of which one has no leader yet would write the others twice.
    await waitFor(
      () => producer.send({ topic, messages: [{ partition, value: `${prefix}-${partition}` }] }),
      { describe: `the leader of ${topic}/${partition}` },
    );
  await producer.disconnect();
  return partitions.map((partition) => `${prefix}-${partition}`);
}

export function numbered(prefix: string, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${prefix}${from + index}`);
}

export interface Committed {
  readonly offset: string;
  readonly metadata: CommitMetadata | undefined;
}

export function committed(groupId: string, topic: string, partition = 0): Promise<Committed> {
  return withAdmin(async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const entry = found?.partitions.find((at) => at.partition === partition);
    const metadata = decodeCommitMetadata(entry?.metadata ?? null);
    return { offset: entry?.offset ?? "-1", metadata: metadata === "later_format" ? undefined : metadata };
  });
}

export function everyOffset(batch: EventBatch): bigint {
  return BigInt(batch.messages.at(-1)?.offset ?? -1) + 1n;
}

/** A consumer that records what it is told. The marks that it commits are `missed`. */
export class SpecConsumer implements AsyncDisposable {
  readonly groupId: string;
  readonly consumer: BatchConsumer;
  readonly values: string[] = [];
  readonly assigned: AssignedPartition[] = [];
  readonly revoked: string[] = [];
  readonly gaps: Gap[] = [];
  readonly failures: ConsumerFailure[] = [];
  missed: MissedOffsets = {};

  constructor(options: {
    topics: readonly string[];
    groupId?: string;
    kafka?: Kafka;
    handler?: BatchHandler;
    settings?: Partial<ConsumerSettings>;
    onGap?: (gap: Gap) => Promise<void>;
  }) {
    this.groupId = options.groupId ?? uniqueName("group");
    this.consumer = new BatchConsumer({
      kafka: options.kafka ?? testKafka(),
      groupId: this.groupId,
      topics: options.topics,
      longestHardTtlMs: () => hourMs,
      settings: { checkIntervalMs: 500, ...options.settings },
      hooks: {
        topology: () => "ab12cd34",
        missed: () => this.missed,
        onAssigned: (partitions) => {
          this.assigned.push(...partitions);
        },
        onRevoked: (partitions) => {
          this.revoked.push(...partitions.map(({ topic, partition }) => `${topic}/${partition}`));
        },
        onGap: async (gap) => {
          await options.onGap?.(gap);
          this.gaps.push(gap);
        },
        onFailure: (failure) => {
          this.failures.push(failure);
        },
      },
    });
    this.consumer.start(async (batch) => {
      const result = await (options.handler?.(batch) ?? { done: everyOffset(batch) });
      for (const { offset, value } of batch.messages)
        if (BigInt(offset) < result.done) this.values.push(value?.toString() ?? "");
      return result;
    });
  }

  async received(values: readonly string[]): Promise<void> {
    await waitFor(() => values.every((value) => this.values.includes(value)), {
      timeoutMs: 30_000,
      describe: `${values.length} records, have ${this.values.length}`,
    });
  }

  /** Resolves when what is read by now was compared with the broker. */
  async compared(): Promise<void> {
    let ended = 0;
    const count = (message: unknown) => {
      if ((message as { groupId: string }).groupId === this.groupId) ended += 1;
    };
    subscribe("freshet:kafka.compared", count);
    try {
      // One may be under way that began before.
      await waitFor(() => ended >= 2, { describe: "two comparisons" });
    } finally {
      unsubscribe("freshet:kafka.compared", count);
    }
  }

  /** Resolves when `count` partitions are read. */
  async reading(count: number): Promise<void> {
    await waitFor(
      () => this.consumer.partitions.filter(({ phase }) => phase === "reading").length === count,
      {
        timeoutMs: 30_000,
        describe: `${count} partitions to be read`,
      },
    );
  }

  async committedUpTo(topic: string, offset: string, partition = 0): Promise<Committed> {
    return waitFor(
      async () => {
        const found = await committed(this.groupId, topic, partition);
        expect(found.offset).toBe(offset);
        return found;
      },
      { timeoutMs: 20_000, describe: `offset ${offset} of ${topic}/${partition} to be committed` },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.consumer.close();
  }
}

/** A handler that holds each batch until it is told to go on. */
export class Gate {
  #open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  open(): void {
    this.#open();
  }
}

/** Everything in a partition, as strings, read without a group. */
export async function allValues(topic: string): Promise<string[]> {
  await using reader = new SpecConsumer({ topics: [topic] });
  const high = await withAdmin((admin) => admin.fetchTopicOffsets(topic));
  const count = high.reduce((sum, { high: end, low }) => sum + Number(end) - Number(low), 0);
  await waitFor(() => reader.values.length >= count, { timeoutMs: 30_000, describe: `${count} records` });
  return reader.values;
}

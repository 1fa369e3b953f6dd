import { type Admin, type Cluster } from "kafkajs";
import { ConfigResourceTypes } from "./kafkajs-values.ts";
import { type GapReason, decidePosition, type PositionFacts } from "./gap.ts";
import { lookUpOffsets, topicsOf } from "./offset-lookup.ts";
import { type CommitMetadata, decodeCommitMetadata } from "./offsets.ts";
import type { TopicPartition } from "./types.ts";

/** An offset and the highest append time of the records below it, both from one and the same topic. */
export interface Anchor {
  readonly offset: bigint;
  readonly ts: number;
}

/** What the group has for a partition: from its commit, or from memory where kafkajs may have overwritten that. */
export interface KnownPosition {
  readonly committed: bigint | undefined;
  readonly metadata: CommitMetadata | "later_format" | undefined;
  /** Of an earlier comparison: a commit made since may already be of a re-created topic, and look right. */
  readonly anchor?: Anchor | undefined;
}

/** A partition compared with the broker: where to read from, and what the next commit has to say. */
export interface GuardedPosition extends TopicPartition {
  readonly committed: bigint | undefined;
  readonly metadata: CommitMetadata | undefined;
  readonly position: bigint;
  readonly gap: GapReason | undefined;
  readonly high: bigint;
  /** Highest append time below `position`: 0 when the log holds nothing below it, undefined when unknown. */
  readonly ts: number | undefined;
  /** The topic has LogAppendTime, so a re-created one is noticed. */
  readonly recreationCheck: boolean;
}

interface TopicRules {
  readonly retentionMs: number;
  readonly logAppendTime: boolean;
}

/** Reads what the broker knows about partitions and decides where to read them from (gap.ts). */
export class PositionGuard {
  readonly #admin: Admin;
  readonly #groupId: string;
  readonly #longestHardTtlMs: () => number;

  constructor(admin: Admin, groupId: string, longestHardTtlMs: () => number) {
    this.#admin = admin;
    this.#groupId = groupId;
    this.#longestHardTtlMs = longestHardTtlMs;
  }

  /** Committed offsets and metadata of these partitions; rejects with kafkajs's error. */
  async committed(partitions: readonly TopicPartition[]): Promise<Map<TopicPartition, KnownPosition>> {
    const offsets = await this.#admin.fetchOffsets({ groupId: this.#groupId, topics: topicsOf(partitions) });
    return new Map(
      partitions.map((at) => {
        const found = offsets
          .find(({ topic }) => topic === at.topic)
          ?.partitions.find(({ partition }) => partition === at.partition);
        const offset = BigInt(found?.offset ?? -1);
        return [
          at,
          {
            // kafkajs commits -1 or -2 when an offset was out of range.
            committed: offset < 0n ? undefined : offset,
            metadata: decodeCommitMetadata(found?.metadata ?? null),
          },
        ];
      }),
    );
  }

  /** Compares and decides. One ListOffsets per partition for its own ts: a request has one timestamp per topic. */
  async compare(
    cluster: Cluster,
    known: ReadonlyMap<TopicPartition, KnownPosition>,
    nowMs: number,
  ): Promise<GuardedPosition[]> {
    const partitions = [...known.keys()];
    const longestHardTtlMs = this.#longestHardTtlMs();
    const topics = topicsOf(partitions);
    const [rules, low, high, young] = await Promise.all([
      this.#topicRules(topics),
      lookUpOffsets(cluster, partitions, { fromBeginning: true }),
      lookUpOffsets(cluster, partitions, { fromBeginning: false }),
      lookUpOffsets(cluster, partitions, { fromTimestamp: Math.max(0, nowMs - longestHardTtlMs) }),
    ]);
    return Promise.all(
      [...known].map(
        async ([at, { committed, metadata: written, anchor: earlier }]): Promise<GuardedPosition> => {
          const metadata = written === "later_format" ? undefined : written;
          const rule = rules.get(at.topic) ?? { retentionMs: 0, logAppendTime: false };
          const end = high(at) ?? 0n;
          const anchor = earlier ?? anchorOf(committed, metadata?.ts);
          const facts: PositionFacts = {
            committed,
            metadata: written,
            low: low(at) ?? 0n,
            high: end,
            anchor:
              !rule.logAppendTime || anchor === undefined
                ? undefined
                : {
                    offset: anchor.offset,
                    firstAfter:
                      (await lookUpOffsets(cluster, [at], { fromTimestamp: anchor.ts + 1 }))(at) ?? end,
                  },
            firstWithinTtl: young(at) ?? end,
            retentionMs: rule.retentionMs,
            longestHardTtlMs,
          };
          const { position, gap } = decidePosition(facts);
          const ts = position === facts.low ? 0 : gap === undefined ? metadata?.ts : undefined;
          return {
            topic: at.topic,
            partition: at.partition,
            committed,
            metadata,
            position,
            gap,
            high: end,
            ts: rule.logAppendTime ? ts : undefined,
            recreationCheck: rule.logAppendTime,
          };
        },
      ),
    );
  }

  async #topicRules(topics: readonly string[]): Promise<Map<string, TopicRules>> {
    const { resources } = await this.#admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configNames: ["retention.ms", "message.timestamp.type"],
      })),
    });
    return new Map(
      resources.map(({ resourceName, configEntries }) => {
        const value = (name: string) =>
          configEntries.find(({ configName }) => configName === name)?.configValue;
        return [
          resourceName,
          {
            retentionMs: Number(value("retention.ms") ?? 0),
            logAppendTime: value("message.timestamp.type") === "LogAppendTime",
          },
        ];
      }),
    );
  }
}

/** undefined where either half is unknown. */
export function anchorOf(offset: bigint | undefined, ts: number | undefined): Anchor | undefined {
  return offset === undefined || ts === undefined ? undefined : { offset, ts };
}

import {
  deadLetterMarginBytes,
  deadLetterTopic,
  type TopicDescription,
  type TopicSpec,
} from "@freshet/kafka";
import { counted, seconds } from "../problem.ts";
import { type Finding, ok, orOk, problem, warning } from "./finding.ts";

/** The settings of a topic that decide whether events can be lost or misjudged. */
export const topicSettings = [
  "cleanup.policy",
  "max.message.bytes",
  "message.timestamp.type",
  "min.insync.replicas",
  "retention.bytes",
  "retention.ms",
] as const;

/** What the manifests want of one topic. */
export interface TopicWish {
  readonly spec: TopicSpec;
  /** Of the pools that read it: no value outlives this. */
  readonly longestHardTtlSeconds: number;
  /** Whether somebody said how many partitions there are to be. */
  readonly partitionsNamed: boolean;
}

const plannedPartitions = 12;

/** What is wrong with the topics of change events and their dead letters. Pure. */
export function judgeTopics(
  wishes: readonly TopicWish[],
  there: readonly TopicDescription[],
  brokers: number,
): Finding[] {
  const found = new Map(there.map((description) => [description.topic, description]));
  return wishes.flatMap((wish) => {
    const { topic } = wish.spec;
    const letters = deadLetterTopic(topic);
    const source = found.get(topic);
    return [
      ...(source === undefined ? [missing(topic)] : judgeSource(wish, source, brokers)),
      ...judgeLetters(letters, found.get(letters), source),
    ];
  });
}

function missing(topic: string): Finding {
  return problem("topic", topic, "it is not there", "create it with `freshet topics ensure`");
}

function judgeSource(wish: TopicWish, topic: TopicDescription, brokers: number): readonly Finding[] {
  const { partitions, config } = topic;
  const found: Finding[] = [];
  const add = (make: typeof warning, says: string, mend: string) =>
    found.push(make("topic", topic.topic, says, mend));
  const planned = wish.spec.partitions ?? plannedPartitions;
  if (partitions.length !== planned)
    add(
      wish.partitionsNamed ? problem : warning,
      `it has ${counted(partitions.length, "partition")}, ${planned} are planned`,
      `say --partitions ${partitions.length} if that is meant; else add some with Kafka's kafka-topics --alter, in a quiet hour: keys move`,
    );
  const policy = config.get("cleanup.policy") ?? "unknown";
  if (policy !== "delete")
    add(
      problem,
      `cleanup.policy is ${policy}: compaction drops events that nobody has read`,
      altered(topic.topic, "cleanup.policy=delete"),
    );
  if (config.get("message.timestamp.type") !== "LogAppendTime")
    add(
      problem,
      "message.timestamp.type is not LogAppendTime: a topic that is deleted and made again goes unnoticed",
      altered(topic.topic, "message.timestamp.type=LogAppendTime"),
    );
  found.push(...judgeRetention(wish, topic));
  found.push(...judgeReplicas(topic, brokers));
  return orOk(
    found,
    ok(
      "topic",
      topic.topic,
      `${counted(partitions.length, "partition")}, retention ${retentionText(config)}, LogAppendTime`,
    ),
  );
}

function judgeRetention(wish: TopicWish, { topic, config }: TopicDescription): Finding[] {
  const retentionMs = Number(config.get("retention.ms") ?? Number.NaN);
  const ttlMs = wish.longestHardTtlSeconds * 1_000;
  const plannedMs = wish.spec.retentionMs ?? 0;
  const mend = altered(topic, `retention.ms=${plannedMs}`);
  const found: Finding[] = [];
  if (retentionMs >= 0 && retentionMs <= ttlMs)
    found.push(
      problem(
        "topic",
        topic,
        `retention.ms is ${retentionMs} (${seconds(retentionMs / 1_000)}), and values live up to ${seconds(ttlMs / 1_000)}: an event can be deleted unread while an old value lives`,
        mend,
      ),
    );
  else if (retentionMs >= 0 && retentionMs < plannedMs)
    found.push(
      warning(
        "topic",
        topic,
        `retention.ms is ${retentionMs} (${seconds(retentionMs / 1_000)}), ${seconds(plannedMs / 1_000)} are planned: an invalidator that is down for longer finds a gap`,
        mend,
      ),
    );
  const bytes = config.get("retention.bytes") ?? "-1";
  if (bytes !== "-1")
    found.push(
      warning(
        "topic",
        topic,
        `retention.bytes is ${bytes}: many events shorten the retention`,
        altered(topic, "retention.bytes=-1"),
      ),
    );
  return found;
}

function judgeReplicas({ topic, partitions, config }: TopicDescription, brokers: number): Finding[] {
  const found: Finding[] = [];
  const names = (which: TopicDescription["partitions"]) => which.map(({ partition }) => partition).join(", ");
  const unled = partitions.filter(({ leader }) => leader === undefined);
  const behind = partitions.filter(({ replicas, inSync }) => inSync < replicas);
  const copies = Math.min(...partitions.map(({ replicas }) => replicas));
  const minimum = Number(config.get("min.insync.replicas") ?? 1);
  if (unled.length > 0)
    found.push(
      problem(
        "topic",
        topic,
        `nobody leads partition ${names(unled)}`,
        "see which broker is down: events wait in the outbox until then",
      ),
    );
  else if (behind.length > 0)
    found.push(
      warning(
        "topic",
        topic,
        `partition ${names(behind)} has fewer copies in sync than it should`,
        "see which broker is down or slow",
      ),
    );
  if (minimum > copies)
    found.push(
      problem(
        "topic",
        topic,
        `min.insync.replicas is ${minimum} with replication factor ${copies}: nothing can be written`,
        altered(topic, `min.insync.replicas=${copies}`),
      ),
    );
  if (copies === 1 && brokers > 1)
    found.push(
      warning(
        "topic",
        topic,
        `one copy only, with ${brokers} brokers: a broker's disk takes events with it`,
        "give it 3 copies with Kafka's kafka-reassign-partitions, and min.insync.replicas=2",
      ),
    );
  else if (copies > 2 && minimum === 1)
    found.push(
      warning(
        "topic",
        topic,
        `${copies} copies, but min.insync.replicas is 1: an event is acknowledged when one broker has it`,
        altered(topic, "min.insync.replicas=2"),
      ),
    );
  return found;
}

function judgeLetters(
  name: string,
  letters: TopicDescription | undefined,
  source: TopicDescription | undefined,
): readonly Finding[] {
  if (letters === undefined) return [missing(name)];
  const found: Finding[] = [];
  const needed = Number(source?.config.get("max.message.bytes") ?? 0) + deadLetterMarginBytes;
  const is = Number(letters.config.get("max.message.bytes") ?? 0);
  if (source !== undefined && is < needed)
    found.push(
      problem(
        "topic",
        name,
        `max.message.bytes is ${is}, ${needed} are needed: large letters are cut and can't be sent again`,
        altered(name, `max.message.bytes=${needed}`),
      ),
    );
  const policy = letters.config.get("cleanup.policy") ?? "unknown";
  if (policy !== "delete")
    found.push(
      problem(
        "topic",
        name,
        `cleanup.policy is ${policy}: of the letters of an entity only the last stays`,
        altered(name, "cleanup.policy=delete"),
      ),
    );
  return orOk(found, ok("topic", name, "takes every letter whole"));
}

function retentionText(config: ReadonlyMap<string, string>): string {
  const ms = Number(config.get("retention.ms") ?? -1);
  return ms < 0 ? "for ever" : seconds(ms / 1_000);
}

/** The command of Kafka's own that mends a setting of a topic. */
function altered(topic: string, setting: string): string {
  return `kafka-configs --bootstrap-server <broker> --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
}

import { type UndecodableReason, undecodableReasons } from "@freshet/contracts";
import { deadLetterHeaders, deadLetterTopic, receiptHeader } from "@freshet/kafka";
import type { KafkaMessage } from "kafkajs";
import type { FoundRecord } from "../read-range.ts";

/** Where a record lies. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** A letter as its pool wrote it. */
export interface Letter {
  readonly kind: "letter";
  /** Where the event lay that was given up; what letters of several pools are merged by. */
  readonly source: Position;
  /** Where the letter itself lies. */
  readonly lies: Position;
  readonly reason: string;
  readonly pool: string;
  readonly attempt: number;
  readonly parkedMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The original ones. */
  readonly headers: NonNullable<KafkaMessage["headers"]>;
  /** Of the whole value, where the letter holds its head only. */
  readonly cut: { readonly sha256: string; readonly sizeBytes: number } | undefined;
}

/** What a dead-letter topic holds: letters, receipts for those that were redriven, and what is neither. */
export type DeadLetterRecord =
  | Letter
  | { readonly kind: "receipt"; readonly positions: readonly string[]; readonly atMs: number }
  | { readonly kind: "foreign" };

const foreign = { kind: "foreign" } as const;
const positionPattern = /^(\S+)\/(\d{1,9})@(\d{1,18})$/;

/** `topic/partition@offset`, as lists show it and `show` takes it. */
export function positionText({ topic, partition, offset }: Position): string {
  return `${topic}/${partition}@${offset}`;
}

/** The position that a text names; undefined: it names none. */
export function parsePosition(text: string): Position | undefined {
  const [, topic, partition, offset] = positionPattern.exec(text) ?? [];
  return topic === undefined || partition === undefined || offset === undefined
    ? undefined
    : { topic, partition: Number(partition), offset: BigInt(offset) };
}

/** Reads one record of a dead-letter topic. A position in another topic than the letters' own is not believed. Pure. */
export function readDeadLetter({ topic, partition, message }: FoundRecord): DeadLetterRecord {
  const { key, value, headers = {} } = message;
  const text = (name: string) => {
    const content = headers[name];
    return (Array.isArray(content) ? content[0] : content)?.toString();
  };
  const atMs = Number(message.timestamp);
  if (text(receiptHeader) !== undefined) return { kind: "receipt", positions: positionsOf(value), atMs };
  const names = deadLetterHeaders;
  const source = parsePosition(`${text(names.topic)}/${text(names.partition)}@${text(names.offset)}`);
  const [reason, pool] = [text(names.reason), text(names.pool)];
  if (source === undefined || reason === undefined || pool === undefined) return foreign;
  if (deadLetterTopic(source.topic) !== topic) return foreign;
  const [sha256, size] = [text(names.sha256), Number(text(names.size))];
  return {
    kind: "letter",
    source,
    lies: { topic, partition, offset: BigInt(message.offset) },
    reason,
    pool,
    attempt: Number(text(names.attempt) ?? 1),
    parkedMs: atMs,
    key,
    value,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith("freshet-"))),
    cut: sha256 === undefined ? undefined : { sha256, sizeBytes: size },
  };
}

/** What a receipt says was redriven; nothing where it can't be read. */
export function positionsOf(value: Buffer | null): string[] {
  try {
    const data: unknown = JSON.parse(value?.toString() ?? "");
    return Array.isArray(data) ? data.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

const remedies: Readonly<Record<UndecodableReason, string>> = {
  empty: "see who publishes without a value (a tombstone, perhaps): the topic must hold change events only",
  not_json: "see who publishes here: the value must be a change event in JSON, UTF-8",
  not_a_cloudevent:
    "mend the publisher: structured mode with specversion in the value, or the header ce_specversion",
  invalid_event: "mend the publisher: the field that the detail names",
  subject_too_long: "mend the publisher: a subject has at most 1,024 bytes",
  invalid_routing:
    "mend the publisher, or the manifest that demands this routing value; then redrive, if it was the manifest",
  too_many_keys: "let the publisher split the change: an event may expand to 10,000,000 keys",
};

/** What to do about a letter. */
export function remedyOf(reason: string): string {
  const known = undecodableReasons.find((each) => each === reason);
  return known === undefined ? "a later version wrote this letter: upgrade freshet" : remedies[known];
}

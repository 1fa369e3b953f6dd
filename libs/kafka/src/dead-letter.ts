import { createHash } from "node:crypto";
import { channel } from "node:diagnostics_channel";
import { FreshetError } from "@freshet/contracts";
import type { KafkaMessage, Message } from "kafkajs";
import type { EventPublisher, OutgoingMessage } from "./producer.ts";
import type { TopicPartition } from "./types.ts";

const letterStarts = channel("freshet:kafka.dead-letter");
const letterEnded = channel("freshet:kafka.dead-lettered");

/** Names of the headers that a dead letter adds to the original ones. */
export const deadLetterHeaders = {
  reason: "freshet-reason",
  pool: "freshet-pool",
  topic: "freshet-topic",
  partition: "freshet-partition",
  offset: "freshet-offset",
  attempt: "freshet-attempt",
  sha256: "freshet-sha256",
  size: "freshet-size",
} as const;

/** The header of a receipt: a record among the letters that says which of them were redriven. */
export const receiptHeader = "freshet-redriven";

/** What is left of a letter that is too big: enough to recognise it, never enough to be refused again. */
const cut = { valueBytes: 16 * 1_024, keyBytes: 1_024, headerBytes: 8 * 1_024 };

/** Where records were given up. */
export interface DeadLetterSource extends TopicPartition {
  readonly pool: string;
  readonly attempt: number;
}

/** Why and where a record was given up. `reason` is a code, not a sentence. */
export interface DeadLetterContext extends DeadLetterSource {
  readonly reason: string;
}

/** A record that is given up, and the code that says why. */
export interface GivenUpRecord {
  readonly record: KafkaMessage;
  readonly reason: string;
}

/** Parks records in `<topic>.dlt`. */
export class DeadLetters {
  readonly #publisher: EventPublisher;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  /**
   * Resolves, in the order of the records, when every letter is acknowledged; one that is too big is cut. Rejects
   * with KAFKA_DEAD_LETTER_FAILED otherwise, at `signal` at the latest: none of the records may be counted as done,
   * and some letters may be there twice in the end.
   */
  async park(
    givenUp: readonly GivenUpRecord[],
    source: DeadLetterSource,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<("whole" | "cut")[]> {
    const [first] = givenUp;
    if (first === undefined) return [];
    const { topic, partition } = source;
    const details = { topic, partition, offset: first.record.offset, letters: givenUp.length };
    if (letterStarts.hasSubscribers) letterStarts.publish(details);
    try {
      const kept = await this.#publish(givenUp, source, options);
      if (letterEnded.hasSubscribers) letterEnded.publish(details);
      return kept;
    } catch (cause) {
      throw new FreshetError("KAFKA_DEAD_LETTER_FAILED", `no dead letter in ${deadLetterTopic(topic)}`, {
        cause,
        details,
      });
    }
  }

  /** All of them with one publish: one by one, a batch of nothing else waits for an acknowledgement per record. */
  async #publish(
    givenUp: readonly GivenUpRecord[],
    source: DeadLetterSource,
    options: { readonly signal?: AbortSignal },
  ): Promise<("whole" | "cut")[]> {
    const letter = ({ record, reason }: GivenUpRecord) => toDeadLetter(record, { ...source, reason });
    const outcomes = await this.#publisher.publish(givenUp.map(letter), options);
    const tooLarge = givenUp.filter((_, index) => outcomes[index] !== "published");
    const cutLetters = tooLarge.map(({ record, reason }) => toCutDeadLetter(record, { ...source, reason }));
    const cutOutcomes = cutLetters.length > 0 ? await this.#publisher.publish(cutLetters, options) : [];
    if (cutOutcomes.some((outcome) => outcome !== "published"))
      throw new Error("even the cut letter is too big for the dead-letter topic");
    return outcomes.map((outcome) => (outcome === "published" ? "whole" : "cut"));
  }
}

/** `<topic>.dlt`. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dlt`;
}

/** The topic whose dead letters this one holds; any other topic is its own. */
export function sourceTopic(topic: string): string {
  return topic.replace(/\.dlt$/, "");
}

/** The whole letter: original key, value bytes and headers, with the position and the reason beside them. */
export function toDeadLetter(record: KafkaMessage, context: DeadLetterContext): OutgoingMessage {
  return {
    topic: deadLetterTopic(context.topic),
    key: record.key,
    value: record.value,
    headers: { ...withoutFreshet(record.headers), ...positionHeaders(record, context) },
  };
}

/** The head of a letter that is too big, with size and SHA-256 of the whole value. It can't be redriven. */
export function toCutDeadLetter(record: KafkaMessage, context: DeadLetterContext): OutgoingMessage {
  const value = record.value ?? Buffer.alloc(0);
  return {
    topic: deadLetterTopic(context.topic),
    key: record.key?.subarray(0, cut.keyBytes) ?? null,
    value: value.subarray(0, cut.valueBytes),
    headers: {
      ...headOfHeaders(withoutFreshet(record.headers)),
      ...positionHeaders(record, context),
      [deadLetterHeaders.sha256]: createHash("sha256").update(value).digest("hex"),
      [deadLetterHeaders.size]: String(value.length),
    },
  };
}

/** Says in `<topic>.dlt` that the events at these positions (`topic/partition@offset`) were redriven. */
export function toReceipt(topic: string, positions: readonly string[]): OutgoingMessage {
  return {
    topic: deadLetterTopic(topic),
    key: null,
    value: JSON.stringify(positions),
    headers: { [receiptHeader]: String(positions.length) },
  };
}

function positionHeaders(record: KafkaMessage, context: DeadLetterContext): Record<string, string> {
  return {
    [deadLetterHeaders.reason]: context.reason,
    [deadLetterHeaders.pool]: context.pool,
    [deadLetterHeaders.topic]: context.topic,
    [deadLetterHeaders.partition]: String(context.partition),
    [deadLetterHeaders.offset]: record.offset,
    [deadLetterHeaders.attempt]: String(context.attempt),
  };
}

type Headers = NonNullable<Message["headers"]>;

/** A publisher's own header by one of our names would pass for a position. */
function withoutFreshet(headers: Headers = {}): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith("freshet-")));
}

function headOfHeaders(headers: Headers): Headers {
  let left = cut.headerBytes;
  return Object.fromEntries(
    Object.entries(headers).filter(([name, content]) => {
      left -=
        Buffer.byteLength(name) +
        [content ?? ""].flat().reduce((sum, part) => sum + Buffer.byteLength(part), 0);
      return left >= 0;
    }),
  );
}

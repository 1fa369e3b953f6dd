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

/** What is left of a letter that is too big: enough to recognise it, never enough to be refused again. */
const cut = { valueBytes: 16 * 1_024, keyBytes: 1_024, headerBytes: 8 * 1_024 };

/** Why and where a record was given up. `reason` is a code, not a sentence. */
export interface DeadLetterContext extends TopicPartition {
  readonly reason: string;
  readonly pool: string;
  readonly attempt: number;
}

/** Parks records in `<topic>.dlt`. */
export class DeadLetters {
  readonly #publisher: EventPublisher;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  /**
   * Resolves when the letter is acknowledged; a letter that is too big is cut. Rejects with
   * KAFKA_DEAD_LETTER_FAILED otherwise: the record must not be counted as done.
   */
  async park(record: KafkaMessage, context: DeadLetterContext): Promise<"whole" | "cut"> {
    const { topic, partition, reason } = context;
    const details = { topic, partition, offset: record.offset, reason };
    if (letterStarts.hasSubscribers) letterStarts.publish(details);
    try {
      const kept = (await this.#accepted(toDeadLetter(record, context)))
        ? "whole"
        : (await this.#accepted(toCutDeadLetter(record, context)))
          ? "cut"
          : undefined;
      if (kept === undefined) throw new Error("even the cut letter is too big for the dead-letter topic");
      if (letterEnded.hasSubscribers) letterEnded.publish(details);
      return kept;
    } catch (cause) {
      throw new FreshetError("KAFKA_DEAD_LETTER_FAILED", `no dead letter in ${deadLetterTopic(topic)}`, {
        cause,
        details,
      });
    }
  }

  async #accepted(letter: OutgoingMessage): Promise<boolean> {
    const [outcome] = await this.#publisher.publish([letter]);
    return outcome === "published";
  }
}

/** `<topic>.dlt`. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dlt`;
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

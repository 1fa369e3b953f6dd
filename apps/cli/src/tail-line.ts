import { decodeChangeEvent, type EncodedMessage } from "@freshet/contracts";
import { deadLetterHeaders, receiptHeader } from "@freshet/kafka";
import { positionsOf } from "./letters/letter.ts";
import type { Segment } from "./terminal.ts";

/** A record of a topic as it was read. */
export interface TailRecord extends EncodedMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** Append time in ms since 1970, as Kafka gives it. */
  readonly timestamp: string;
}

/** What is shown of one record. */
export interface TailLine {
  /** One line of `freshet events tail --json`; docs/cli.md has the shape. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly segments: readonly Segment[];
  /** The entity that it is about: of the event, or of the Kafka key when there is none. */
  readonly subject: string | undefined;
}

/** Of a receipt, which may name hundreds. */
const shownPositions = 3;

/** A record as a person and as a machine is shown it. Pure. */
export function tailLine(record: TailRecord): TailLine {
  const { topic, partition, offset, timestamp, value } = record;
  const key = record.key?.toString() ?? null;
  const appendedAt = new Date(Number(timestamp)).toISOString();
  const letter = deadLetterOf(record);
  const where = {
    topic,
    partition,
    offset,
    appendedAt,
    key,
    ...(letter === undefined ? {} : { deadLetter: letter }),
  };
  const begin: Segment[] = [
    { text: appendedAt, style: "dim" },
    ` ${topic}/${partition}@${offset} `,
    ...(letter === undefined
      ? []
      : [
          {
            text: `dead letter (${letter.reason}) of ${letter.topic}/${letter.partition}@${letter.offset} by pool ${letter.pool}: `,
            style: "yellow" as const,
          },
        ]),
  ];
  if (record.headers?.[receiptHeader] !== undefined) {
    const redriven = positionsOf(value);
    const shown = redriven.slice(0, shownPositions).join(", ");
    const left = redriven.length - shownPositions;
    const what = `redriven: ${shown}${left > 0 ? ` and ${left} more` : ""}`;
    return { data: { ...where, redriven }, segments: [...begin, what], subject: undefined };
  }
  const decoded = decodeChangeEvent(record);
  if (!decoded.ok) {
    const { reason, detail } = decoded;
    const bytes = value?.length ?? 0;
    return {
      data: { ...where, undecodable: { reason, detail, bytes } },
      segments: [
        ...begin,
        { text: `undecodable (${reason})`, style: "red" },
        `: ${detail}; ${key === null ? "no key" : `key ${key}`}, ${bytes} bytes`,
      ],
      subject: key ?? undefined,
    };
  }
  const { event } = decoded;
  const { version, change, changedFields } = event.data;
  const fields =
    change !== "updated" ? "" : changedFields?.length ? `: ${changedFields.join(", ")}` : ": every field";
  return {
    data: { ...where, event },
    segments: [
      ...begin,
      { text: event.type, style: "bold" },
      ` ${event.subject} v${version} ${change}${fields}`,
    ],
    subject: event.subject,
  };
}

/** Why and where an event was given up, when this record is its letter. */
function deadLetterOf({ headers = {} }: EncodedMessage) {
  const text = (name: string) => {
    const content = headers[name];
    return (Array.isArray(content) ? content[0] : content)?.toString() ?? "?";
  };
  return headers[deadLetterHeaders.reason] === undefined
    ? undefined
    : {
        reason: text(deadLetterHeaders.reason),
        pool: text(deadLetterHeaders.pool),
        topic: text(deadLetterHeaders.topic),
        partition: text(deadLetterHeaders.partition),
        offset: text(deadLetterHeaders.offset),
      };
}

import type { ReadPosition, TopicPartition } from "@freshet/kafka";
import type { KafkaMessage } from "kafkajs";
import type { Ask, Clients } from "./kafka.ts";
import type { Session } from "./session.ts";
import type { TailStart } from "./tail-start.ts";

/** A stretch of one partition: from `offset` to before `end`. */
export type Range = ReadPosition & { readonly end: bigint };

/** A record with where it lies. */
export interface FoundRecord extends TopicPartition {
  readonly message: KafkaMessage;
}

const maxWaitMs = 500;
const maxBytesPerPartition = 256 * 1_024;

/** Every partition of a topic from this start to its end now; only the named partition where the start names one. */
export async function rangesFrom(
  topic: string,
  from: TailStart,
  { admin }: Pick<Clients, "admin">,
  ask: Ask,
): Promise<Range[]> {
  const [bounds, atTime] = await ask(
    Promise.all([
      admin.fetchTopicOffsets(topic),
      from.at === "time" ? admin.fetchTopicOffsetsByTimestamp(topic, from.ms) : Promise.resolve([]),
    ]),
  );
  return bounds.flatMap(({ partition, low, high }): Range[] => {
    const end = BigInt(high);
    const range = (offset: bigint) => [{ topic, partition, offset, end }];
    switch (from.at) {
      case "beginning":
        return range(BigInt(low));
      case "end":
        return range(end);
      case "time":
        return range(BigInt(atTime.find((entry) => entry.partition === partition)?.offset ?? high));
      case "offset":
        return partition === from.partition ? range(from.offset) : [];
    }
  });
}

/**
 * The records of these ranges, batch by batch, so that no more than a batch is ever held; with `follow` also those
 * that come after their ends. Ends at Ctrl-C; records
 * that were deleted before they were read are skipped, and that is told.
 */
export async function* recordsIn(
  session: Session,
  clients: Clients,
  ask: Ask,
  ranges: readonly Range[],
  { follow = false }: { readonly follow?: boolean } = {},
): AsyncGenerator<readonly FoundRecord[]> {
  const isOpen = ({ offset, end }: Range) => follow || offset < end;
  let open = ranges.filter(isOpen);
  while (open.length > 0 && !session.io.signal.aborted) {
    const answers = await ask(clients.reader.read(open, { maxWaitMs, maxBytesPerPartition })).catch(
      unlessLost,
    );
    if (answers === undefined) {
      open = await Promise.all(open.map((at) => stillThere(session, at, clients, ask)));
      open = open.filter(isOpen);
      continue;
    }
    for (const { topic, partition, unreadable } of answers)
      if (unreadable)
        session.note(
          `${topic}/${partition} ${unreadable.firstOffset} to ${unreadable.offset} can't be read: ${unreadable.why}`,
        );
    const ends = new Map(open.map((at) => [idOf(at), at.end]));
    const endOf = (at: TopicPartition) => ends.get(idOf(at)) ?? 0n;
    yield answers.flatMap(({ topic, partition, messages }) =>
      messages
        .filter(({ offset }) => follow || BigInt(offset) < endOf({ topic, partition }))
        .map((message) => ({ topic, partition, message })),
    );
    open = answers
      .map(({ topic, partition, next }) => ({
        topic,
        partition,
        offset: next,
        end: endOf({ topic, partition }),
      }))
      .filter(isOpen);
  }
}

/** undefined when records were deleted before they were read, so that the positions must be looked at again. */
function unlessLost(error: unknown): undefined {
  if (error instanceof Error && error.name === "KafkaJSOffsetOutOfRange") return undefined;
  throw error;
}

/** The position, moved into what the partition holds now; a move is told. */
async function stillThere(
  session: Session,
  at: Range,
  { admin }: Pick<Clients, "admin">,
  ask: Ask,
): Promise<Range> {
  const bounds = await ask(admin.fetchTopicOffsets(at.topic));
  const found = bounds.find(({ partition }) => partition === at.partition);
  if (found === undefined) return at;
  const [low, high] = [BigInt(found.low), BigInt(found.high)];
  const offset = at.offset < low || at.offset > high ? low : at.offset;
  if (offset !== at.offset)
    session.note(
      `${at.topic}/${at.partition} holds ${low} to ${high}: ${at.offset} is not there, going on at ${offset}`,
    );
  return { ...at, offset };
}

function idOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

import { channel } from "node:diagnostics_channel";
import { FreshetError } from "@freshet/contracts";
import { type Kafka, type Message, Partitioners, type Producer, type RecordMetadata } from "kafkajs";
import { KafkaJSProtocolError } from "./kafkajs-values.ts";

const sendStarts = channel("freshet:kafka.send");
const sendEnded = channel("freshet:kafka.sent");

/** kafkajs makes one record batch per partition and send; a broker takes 1 MiB by default. */
const maxSendBytes = 512 * 1_024;
/** Record header, varints and timestamp of a record without headers; generous. */
const recordOverheadBytes = 32;

/** A message to publish. Messages of one key are published in the order of the list. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers?: Message["headers"];
}

/** What became of one message: acknowledged by all in-sync replicas, or refused for its size for good. */
export type PublishOutcome = "published" | "too_large";

/** Publishes messages, and says what became of each. */
export interface EventPublisher {
  /**
   * Publishes all messages, outcomes in their order. Rejects with KAFKA_PUBLISH_FAILED when the fate of any of them
   * is unknown after the time bound or `signal`: some may be in the topic, so publish all of them again.
   */
  publish(
    messages: readonly OutgoingMessage[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<PublishOutcome[]>;
  /** Resolves when a broker answers; rejects with KAFKA_UNREACHABLE otherwise, at `signal` at the latest. */
  ping(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Waits for the sends in flight, then disconnects: kafkajs reconnects when a send is still under way. */
  close(): Promise<void>;
}

/** The bound of one publishing. */
export interface EventPublisherOptions {
  /** Bound of one `publish` as a whole, in ms. */
  readonly timeoutMs?: number;
}

/**
 * A publisher that can lose acks without losing events. Plain producer, not kafkajs's idempotent one: after lost
 * acks that one takes the next batch of the same size for a duplicate and reports it as written. One request in
 * flight, one attempt per send (the caller repeats), and a new Producer after any send of unknown fate.
 */
export function createEventPublisher(kafka: Kafka, options: EventPublisherOptions = {}): EventPublisher {
  return new KafkaEventPublisher(kafka, options.timeoutMs ?? 10_000);
}

class KafkaEventPublisher implements EventPublisher {
  readonly #kafka: Kafka;
  readonly #timeoutMs: number;
  readonly #disconnecting = new Set<Promise<void>>();
  #producer: Promise<Producer> | undefined;
  /** Sends run one after the other: two at a time could overtake each other and break the order of a key. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(kafka: Kafka, timeoutMs: number) {
    this.#kafka = kafka;
    this.#timeoutMs = timeoutMs;
  }

  publish(
    messages: readonly OutgoingMessage[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<PublishOutcome[]> {
    const publishing = this.#last.then(() => this.#publish(messages, signal));
    this.#last = publishing.catch(() => undefined);
    return publishing;
  }

  async ping({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const admin = this.#kafka.admin({ retry: { retries: 0 } });
    const asking = admin.connect().then(() => admin.describeCluster());
    try {
      await unlessAborted(asking, signal);
    } catch (cause) {
      throw new FreshetError("KAFKA_UNREACHABLE", "no Kafka broker answers", { cause });
    } finally {
      void asking.then(() => admin.disconnect()).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#discard(Promise.resolve());
    await Promise.all(this.#disconnecting);
  }

  async #publish(
    messages: readonly OutgoingMessage[],
    signal: AbortSignal | undefined,
  ): Promise<PublishOutcome[]> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const bound = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    const outcomes: PublishOutcome[] = [];
    for (const batch of cutBatches(messages)) outcomes.push(...(await this.#send(batch, bound)));
    return outcomes;
  }

  /** One batch; halved until the message is found when the broker refuses it for its size. */
  async #send(batch: readonly OutgoingMessage[], bound: AbortSignal): Promise<PublishOutcome[]> {
    const topics = [...new Set(batch.map(({ topic }) => topic))];
    if (sendStarts.hasSubscribers) sendStarts.publish({ topics, messages: batch.length });
    try {
      await this.#sendOnce(batch, topics, bound);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      if (batch.length === 1) return ["too_large"];
      const half = Math.ceil(batch.length / 2);
      return [
        ...(await this.#send(batch.slice(0, half), bound)),
        ...(await this.#send(batch.slice(half), bound)),
      ];
    }
    if (sendEnded.hasSubscribers) sendEnded.publish({ topics, messages: batch.length });
    return batch.map(() => "published");
  }

  async #sendOnce(batch: readonly OutgoingMessage[], topics: string[], bound: AbortSignal): Promise<void> {
    const failed = (cause: unknown) =>
      new FreshetError("KAFKA_PUBLISH_FAILED", `publishing to ${topics.join(", ")} failed`, {
        cause,
        details: { topics, messages: batch.length },
      });
    // What waited behind others until its own bound had passed need not ask a broker that does not answer.
    if (bound.aborted) throw failed(bound.reason);
    const sending = this.#produce(batch, topics, bound);
    try {
      await unlessAborted(sending, bound);
    } catch (error) {
      if (isTooLarge(error)) throw error;
      void this.#discard(sending);
      throw failed(error);
    }
  }

  async #produce(
    batch: readonly OutgoingMessage[],
    topics: string[],
    bound: AbortSignal,
  ): Promise<RecordMetadata[]> {
    this.#producer ??= this.#connect();
    const producer = await this.#producer;
    if (bound.aborted) return [];
    return producer.sendBatch({
      acks: -1,
      timeout: this.#timeoutMs,
      topicMessages: topics.map((topic) => ({
        topic,
        messages: batch
          .filter((message) => message.topic === topic)
          .map(({ key, value, headers }) => ({ key, value, ...(headers === undefined ? {} : { headers }) })),
      })),
    });
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: false,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      // Java's murmur2, so that a key has one partition whatever language published it.
      createPartitioner: Partitioners.DefaultPartitioner,
      // A retry that outlives our time bound would append old versions behind newer ones.
      retry: { retries: 0 },
    });
    await producer.connect();
    return producer;
  }

  /** Gives the producer up; it is disconnected once nothing is under way in it. */
  #discard(sending: Promise<unknown>): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer === undefined) return Promise.resolve();
    const gone = sending
      .catch(() => undefined)
      .then(async () => {
        await (await producer).disconnect();
      })
      .catch(() => undefined)
      .finally(() => {
        this.#disconnecting.delete(gone);
      });
    this.#disconnecting.add(gone);
    return gone;
  }
}

/** Consecutive slices whose record batches stay under the broker's limit; a larger message is sent alone. */
function* cutBatches(messages: readonly OutgoingMessage[]): Generator<readonly OutgoingMessage[]> {
  let from = 0;
  let bytes = 0;
  for (const [index, message] of messages.entries()) {
    const size = sizeOf(message);
    if (index > from && bytes + size > maxSendBytes) {
      yield messages.slice(from, index);
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < messages.length) yield messages.slice(from);
}

function sizeOf({ key, value, headers = {} }: OutgoingMessage): number {
  const header = Object.entries(headers).reduce(
    (sum, [name, content]) =>
      sum +
      Buffer.byteLength(name) +
      [content].flat().reduce((all, part) => all + bytesOf(part ?? null) + 8, 0),
    0,
  );
  return recordOverheadBytes + bytesOf(key) + bytesOf(value) + header;
}

function bytesOf(content: string | Buffer | null): number {
  return content === null ? 0 : Buffer.byteLength(content);
}

function isTooLarge(error: unknown): boolean {
  if (error instanceof KafkaJSProtocolError)
    return error.type === "MESSAGE_TOO_LARGE" || error.type === "RECORD_LIST_TOO_LARGE";
  return error instanceof Error && error.cause !== undefined && isTooLarge(error.cause);
}

/** Settles as `work` does, or rejects at the abort; then nothing is left that would keep a process from ending. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const over = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const give = () => {
      reject(new Error("given up", { cause: signal.reason }));
    };
    signal.addEventListener("abort", give, { once: true, signal: over.signal });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    over.abort();
  }
}

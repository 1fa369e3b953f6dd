import { FreshetError } from "@freshet/contracts";
import { createEventPublisher, createKafka, type EventPublisher, RecordReader } from "@freshet/kafka";
import type { KafkaAccess } from "./config.ts";

type Admin = ReturnType<ReturnType<typeof createKafka>["admin"]>;

/** Connected clients of one command. */
export interface Clients {
  readonly admin: Admin;
  readonly reader: RecordReader;
  /** Connects with the first message. */
  readonly publisher: EventPublisher;
}

/** Answers within the time, or rejects naming the brokers; for what is one question to Kafka. */
export type Ask = <Answer>(question: Promise<Answer>) => Promise<Answer>;

/**
 * Runs `work` with clients that give up within seconds; `ask` bounds each question by `timeoutMs`. What Kafka says is
 * told as what failed, where, and what to do.
 * @throws FreshetError KAFKA_UNREACHABLE, KAFKA_REFUSED, KAFKA_TOPIC_UNKNOWN
 */
export async function withKafka<Result>(
  { options }: KafkaAccess,
  timeoutMs: number,
  work: (clients: Clients, ask: Ask) => Promise<Result>,
): Promise<Result> {
  const kafka = createKafka({ ...options, clientId: "freshet-cli", retry: { retries: 2 } });
  const brokers = options.brokers.join(",");
  const admin = kafka.admin();
  const reader = new RecordReader(kafka);
  const publisher = createEventPublisher(kafka, { timeoutMs });
  const ask: Ask = (question) => within(question, timeoutMs, brokers);
  try {
    await ask(Promise.all([admin.connect(), reader.connect()]));
    return await work({ admin, reader, publisher }, ask);
  } catch (error) {
    throw explained(error, brokers);
  } finally {
    // A socket that hangs must not hold up the end: whatever is left ends with the process.
    await within(Promise.all([admin.disconnect(), reader.close(), publisher.close()]), 1_000, brokers).catch(
      () => undefined,
    );
  }
}

async function within<Answer>(
  question: Promise<Answer>,
  timeoutMs: number,
  brokers: string,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const unanswered = new Promise<never>((_, reject) => {
    const late = new FreshetError("KAFKA_UNREACHABLE", `${brokers}: no answer within ${timeoutMs / 1_000} s`);
    timer = setTimeout(reject, timeoutMs, late);
  });
  try {
    return await Promise.race([question, unanswered]);
  } finally {
    clearTimeout(timer);
  }
}

/** kafkajs's error as one of ours. It wraps what happened: the innermost one that says something is told. */
export function explained(error: unknown, brokers: string): unknown {
  for (const cause of causesOf(error)) {
    if (cause instanceof FreshetError) return cause;
    const { name, message } = cause;
    const broker = textOf(cause, "broker") ?? brokers;
    if (name.startsWith("KafkaJSSASL"))
      return new FreshetError("KAFKA_REFUSED", `${broker} refuses this user: ${message}`, { cause: error });
    // kafkajs keeps the broker's reason for itself.
    if (name === "KafkaJSGroupCoordinatorNotFound")
      return new FreshetError(
        "KAFKA_REFUSED",
        `${brokers}: no coordinator for the group: this user may not be allowed to see it, or the broker is still starting`,
        { cause: error },
      );
    if (name.startsWith("KafkaJSConnection") || name === "KafkaJSRequestTimeoutError")
      return new FreshetError("KAFKA_UNREACHABLE", `${broker}: ${message}`, { cause: error });
    const type = textOf(cause, "type");
    if (type === "UNKNOWN_TOPIC_OR_PARTITION")
      return new FreshetError(
        "KAFKA_TOPIC_UNKNOWN",
        `${brokers} does not know ${textOf(cause, "topic") ?? "this topic"}`,
        { cause: error },
      );
    if (type !== undefined)
      return new FreshetError("KAFKA_REFUSED", `${brokers}: ${type}: ${message}`, { cause: error });
  }
  return error instanceof Error && error.name.startsWith("KafkaJS")
    ? new FreshetError("KAFKA_UNREACHABLE", `${brokers}: ${error.message}`, { cause: error })
    : error;
}

/** The error, what it wraps, and so on; the innermost first. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let next = error; next instanceof Error && !causes.includes(next);) {
    causes.unshift(next);
    const inner: unknown = "errors" in next && Array.isArray(next.errors) ? next.errors[0] : next.cause;
    next = inner;
  }
  return causes;
}

function textOf(error: Error, property: string): string | undefined {
  const value: unknown = Object.entries(error).find(([name]) => name === property)?.[1];
  return typeof value === "string" && value !== "" ? value : undefined;
}

import { type CustomTransportStrategy, Server } from "@nestjs/microservices";
import { FreshetError } from "@freshet/contracts";
import { lastValueFrom } from "rxjs";
import type { BatchConsumer } from "../consumer.ts";
import type { BatchResult, EventBatch } from "../types.ts";

/** The pattern of the one handler that gets every batch: `@EventPattern(freshetBatch)`. */
export const freshetBatch = "freshet.batch";

/**
 * Nest transport: hands each batch of its consumers to the `@EventPattern(freshetBatch)` handler, which
 * returns a BatchResult. A failure of the handler, of its pipes or interceptors reaches the consumer, which keeps
 * the offset. `close` stops the consumers; clients that the handler needs are closed in onApplicationShutdown,
 * the only hook that Nest runs later.
 */
export class FreshetServer extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true;
  readonly #consumers: Set<BatchConsumer>;
  #isListening = false;

  constructor(consumers: Iterable<BatchConsumer> = []) {
    super();
    this.#consumers = new Set(consumers);
  }

  /** One more consumer, which starts with the others, or at once. */
  add(consumer: BatchConsumer): void {
    this.#consumers.add(consumer);
    if (this.#isListening) this.#start(consumer);
  }

  /** Resolves when this consumer has committed what is done and left its group. */
  async remove(consumer: BatchConsumer): Promise<void> {
    if (this.#consumers.delete(consumer)) await consumer.close();
  }

  /** Starts the consumers; throws KAFKA_HANDLER_INVALID when no controller handles batches. */
  listen(callback: (error?: unknown) => void): void {
    if (this.getHandlerByPattern(freshetBatch) === null) {
      callback(new FreshetError("KAFKA_HANDLER_INVALID", `no handler for the pattern ${freshetBatch}`));
      return;
    }
    this.#isListening = true;
    for (const consumer of this.#consumers) this.#start(consumer);
    callback();
  }

  async close(): Promise<void> {
    this.#isListening = false;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
  }

  on(): never {
    throw new FreshetError("KAFKA_HANDLER_INVALID", "FreshetServer has no events; use the consumer's hooks");
  }

  unwrap(): never {
    throw new FreshetError("KAFKA_HANDLER_INVALID", "FreshetServer wraps no single client");
  }

  #start(consumer: BatchConsumer): void {
    consumer.start((batch) => this.#deliver(batch));
  }

  async #deliver(batch: EventBatch): Promise<BatchResult> {
    const handler = this.getHandlerByPattern(freshetBatch);
    // A Nest handler never rejects: its failure is an error of the Observable, seen only by who subscribes.
    const answer: unknown = await lastValueFrom(this.transformToObservable(await handler?.(batch, batch)), {
      defaultValue: undefined,
    });
    if (isBatchResult(answer)) return answer;
    throw new FreshetError("KAFKA_HANDLER_INVALID", "the batch handler must return { done: bigint }");
  }
}

function isBatchResult(answer: unknown): answer is BatchResult {
  return typeof answer === "object" && answer !== null && "done" in answer && typeof answer.done === "bigint";
}

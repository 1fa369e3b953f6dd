import { type EventPublisher, type OutgoingMessage, type PublishOutcome } from "@freshet/kafka";

interface Waiting {
  readonly messages: readonly OutgoingMessage[];
  readonly resolve: (outcomes: PublishOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** More than this waits for no broker: the callers send it again. */
const maxWaiting = 10_000;

/**
 * Publishes what many requests bring at once: what comes while a send is under way goes with the next one, in the
 * order in which it came. A request alone waits for nobody.
 */
export class GroupPublisher {
  readonly #publisher: EventPublisher;
  #waiting: Waiting[] = [];
  #events = 0;
  #isSending = false;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  /** Events that nobody has acknowledged yet. */
  get events(): number {
    return this.#events;
  }

  /** Whether so many events more would be taken now. */
  hasRoomFor(events: number): boolean {
    return this.#events + events <= maxWaiting;
  }

  /** Outcomes in the order of the messages. Rejects with KAFKA_PUBLISH_FAILED while their fate is unknown. */
  async publish(messages: readonly OutgoingMessage[]): Promise<PublishOutcome[]> {
    this.#events += messages.length;
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.push({ messages, resolve, reject });
        void this.#sendAll();
      });
    } finally {
      this.#events -= messages.length;
    }
  }

  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const outcomes = await this.#publisher.publish(group.flatMap(({ messages }) => messages));
        let from = 0;
        for (const { messages, resolve } of group) resolve(outcomes.slice(from, (from += messages.length)));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isSending = false;
  }
}

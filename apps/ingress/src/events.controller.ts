import { type IncomingMessage } from "node:http";
import { FreshetError } from "@freshet/contracts";
import { Problem } from "@freshet/http";
import { type PublishOutcome } from "@freshet/kafka";
import { Controller, Get, HttpCode, Inject, Post, Req } from "@nestjs/common";
import { checkEvents, type Published } from "./check-events.ts";
import { type Door } from "./door.ts";
import { type GroupPublisher } from "./group-publisher.ts";
import { type IngressMetrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import { readRequest } from "./read-request.ts";

/** What is needed of Fastify's request. */
interface Request {
  readonly raw: IncomingMessage;
  readonly body: Buffer | undefined;
}

/** What a request's events go through. */
export interface Ingress {
  readonly door: Door;
  readonly published: Published;
  readonly publisher: GroupPublisher;
  readonly metrics: IngressMetrics;
  readonly maxBatch: number;
}

/** Injection token. */
export const INGRESS = Symbol("ingress");

/** `POST /events`: read, checked as a whole, published, and only then answered. */
@Controller()
export class EventsController {
  readonly #ingress: Ingress;

  constructor(@Inject(INGRESS) ingress: Ingress) {
    this.#ingress = ingress;
  }

  @Get("openapi.json")
  openApi(): unknown {
    return openApi();
  }

  /** @throws Problem */
  @Post("events")
  @HttpCode(200)
  async events(@Req() { raw, body }: Request): Promise<{ accepted: number }> {
    const { door, published, publisher, metrics, maxBatch } = this.#ingress;
    const { events } = readRequest(raw.headers, body);
    const grants = door.take(raw, events.length);
    const messages = checkEvents(events, grants, published, maxBatch);
    if (!publisher.hasRoomFor(messages.length)) throw unavailable("too many events wait for Kafka");
    const outcomes = await publisher.publish(messages).catch((cause: unknown) => {
      if (cause instanceof FreshetError && cause.code === "KAFKA_PUBLISH_FAILED")
        throw unavailable("Kafka has not acknowledged the events in time", cause);
      throw cause;
    });
    for (const [index, { topic }] of messages.entries())
      metrics.events.inc({ topic, result: outcomes[index] ?? "published" });
    if (outcomes.includes("too_large")) throw tooLarge(outcomes);
    return { accepted: outcomes.length };
  }
}

/** Nothing is known to be there, so all of it is sent again: twice does no harm. */
function unavailable(why: string, cause?: FreshetError): Problem {
  const problem = new Problem(
    503,
    "Try again",
    `${why}: some of them may be published, none is known to be; send the whole request again, twice does no harm`,
    [],
    { accepted: "unknown", retryAfterSeconds: 5 },
  );
  problem.cause = cause;
  return problem;
}

/** Kafka took a part: the topic's limit is lower than ours. */
function tooLarge(outcomes: readonly PublishOutcome[]): Problem {
  const refused = [...outcomes.keys()].filter((index) => outcomes[index] === "too_large");
  const accepted = [...outcomes.keys()].filter((index) => outcomes[index] === "published");
  return new Problem(
    422,
    "Kafka refused a part",
    `${refused.map((event) => `event ${event}`).join(", ")}: larger than max.message.bytes of the topic allows; the other ${accepted.length} are published: send only these again, smaller`,
    refused.map((event) => ({
      event,
      field: "event",
      remedy: "is too large for its topic: keep routing values short",
    })),
    { accepted },
  );
}

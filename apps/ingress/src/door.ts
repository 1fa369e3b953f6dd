import { type IncomingMessage } from "node:http";
import { Problem, wrongPart } from "@freshet/http";
import { EventRate } from "./event-rate.ts";
import { type Grants, type Tokens } from "./tokens.ts";

/** Who may come in, and how often; asked before the body of a request is read. */
export class Door {
  readonly #tokens: Tokens;
  readonly #rate: EventRate<Grants>;
  readonly #nowMs: () => number;
  readonly #inside = new WeakMap<IncomingMessage, Grants>();

  constructor(tokens: Tokens, eventsPerMinute: number, nowMs: () => number) {
    this.#tokens = tokens;
    this.#rate = new EventRate(eventsPerMinute);
    this.#nowMs = nowMs;
  }

  /** Lets a request in, which counts as one event. @throws Problem 401, 429 */
  admit(request: IncomingMessage): void {
    const grants = this.#tokens.find(request.headers.authorization);
    if (!grants)
      throw wrongPart(401, "Unauthorized", "Authorization", "must be Bearer with a token of INGRESS_TOKENS");
    this.#pay(grants, 1);
    this.#inside.set(request, grants);
  }

  /** What a request that was let in may publish, once it has paid for all its events. @throws Problem 429 */
  take(request: IncomingMessage, events: number): Grants {
    const grants = this.#inside.get(request) ?? new Map<string, never>();
    if (events > 1) this.#pay(grants, events - 1);
    return grants;
  }

  #pay(grants: Grants, events: number): void {
    const seconds = this.#rate.take(grants, events, this.#nowMs());
    if (seconds > 0)
      throw new Problem(
        429,
        "Too many events",
        `this token has sent its events of the minute: send the request again in ${seconds} s`,
        [],
        { retryAfterSeconds: seconds },
      );
  }
}

import type { RefreshedValue } from "@freshet/cache";
import { FreshetError } from "@freshet/contracts";
import { requestValues, type ViewParams } from "@freshet/inspect";

/** Parameter sets of one request; more keys take more requests. */
const maxPerRequest = 100;
/** Requests to one service at once: a refresh must not take its database from its callers. */
const maxRequests = 4;
/** How long a service that failed is not asked, in ms; its keys are deleted at once meanwhile. */
const awayMs = 5_000;

/** A service goes away with its first failed request, and is back with the first answer. */
export type OwnerEvent =
  | { readonly type: "owner-away"; readonly service: string; readonly error: unknown }
  | { readonly type: "owner-back"; readonly service: string };

interface Waiting {
  readonly params: ViewParams;
  readonly deadlineMs: number;
  readonly resolve: (value: RefreshedValue) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The service that owns some views: what its primary has now. Loads that are asked for at the same time go
 * together, up to 100 in one request and 4 requests at once; a load never joins a request that is already sent,
 * since its compare-and-swap token may be younger than that request's snapshot.
 */
export class OwnerService {
  readonly service: string;
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;
  readonly #onEvent: (event: OwnerEvent) => void;
  readonly #waiting = new Map<string, Waiting[]>();
  #scheduled = false;
  #running = 0;
  #awayUntilMs = 0;
  #isAway = false;

  /** `url` is the service's internal address, `timeoutMs` that of one request. */
  constructor(options: {
    service: string;
    url: string;
    token: string | undefined;
    timeoutMs: number;
    onEvent: (event: OwnerEvent) => void;
  }) {
    this.service = options.service;
    this.#url = options.url.replace(/\/+$/, "");
    this.#token = options.token;
    this.#timeoutMs = options.timeoutMs;
    this.#onEvent = options.onEvent;
  }

  /** Whether it would be asked now. */
  isAway(nowMs: number): boolean {
    return nowMs < this.#awayUntilMs;
  }

  /**
   * What the primary has now for these parameters of the view at `path`. Not asked any more after `deadlineMs`.
   * @throws FreshetError REFRESH_FAILED
   */
  load(path: string, params: ViewParams, deadlineMs: number): Promise<RefreshedValue> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(path) ?? [];
      this.#waiting.set(path, waiting);
      waiting.push({ params, deadlineMs, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // memcached answers many gets in one turn of the event loop: their loads then go together.
      setImmediate(() => {
        this.#scheduled = false;
        this.#send();
      });
    });
  }

  #send(): void {
    const nowMs = Date.now();
    for (const [path, waiting] of this.#waiting) {
      if (this.isAway(nowMs)) refuse(waiting.splice(0), `${this.service} is away`);
      while (waiting.length > 0 && this.#running < maxRequests) {
        const taken = waiting.splice(0, maxPerRequest);
        refuse(
          taken.filter(({ deadlineMs }) => deadlineMs <= nowMs),
          `${this.service} was too slow for the loads before this one`,
        );
        void this.#request(
          path,
          taken.filter(({ deadlineMs }) => deadlineMs > nowMs),
        );
      }
      if (waiting.length === 0) this.#waiting.delete(path);
    }
  }

  async #request(path: string, loads: readonly Waiting[]): Promise<void> {
    if (loads.length === 0) return;
    this.#running += 1;
    try {
      const values = await requestValues(
        { url: `${this.#url}${path}`, token: this.#token, timeoutMs: this.#timeoutMs },
        loads.map(({ params }) => params),
      );
      this.#answered();
      for (const [index, load] of loads.entries()) {
        const value = values[index];
        if (value) load.resolve(value);
      }
    } catch (error) {
      this.#failed(error);
      refuse(loads, error instanceof Error ? error.message : String(error), error);
    } finally {
      this.#running -= 1;
      this.#send();
    }
  }

  #answered(): void {
    this.#awayUntilMs = 0;
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#onEvent({ type: "owner-back", service: this.service });
  }

  #failed(error: unknown): void {
    this.#awayUntilMs = Date.now() + awayMs;
    if (this.#isAway) return;
    this.#isAway = true;
    this.#onEvent({ type: "owner-away", service: this.service, error });
  }
}

function refuse(loads: readonly Waiting[], message: string, cause?: unknown): void {
  for (const { reject } of loads) reject(new FreshetError("REFRESH_FAILED", message, { cause }));
}

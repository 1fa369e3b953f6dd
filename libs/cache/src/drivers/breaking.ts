import { FreshetError } from "@freshet/contracts";
import {
  type CircuitBreakerPolicy,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  isBrokenCircuitError,
} from "cockatiel";
import type { CasToken, MemcachedDriver } from "./driver.ts";

/**
 * A burst of requests shares the fate of its connection, so that one hiccup fails many in a row: a node is given
 * up for a while only after more than that.
 */
const failuresInARow = 20;
/** How long nothing is asked, in milliseconds; then one call tries. */
const retryAfterMs = 1_000;

/**
 * A reader's driver that stops asking a node that does not answer: otherwise each read would wait out its
 * deadline before it loads. Deletes are always sent; one that is left out would leave an old value.
 */
export class BreakingDriver implements MemcachedDriver {
  readonly #driver: MemcachedDriver;
  readonly #breaker: CircuitBreakerPolicy = circuitBreaker(handleWhen(isOfTheNode), {
    halfOpenAfter: retryAfterMs,
    breaker: new ConsecutiveBreaker(failuresInARow),
  });
  /** Whether a call has failed since the last one that was answered. */
  #isInDoubt = false;

  constructor(driver: MemcachedDriver) {
    this.#driver = driver;
  }

  get node(): string {
    return this.#driver.node;
  }

  get(key: string) {
    return this.#guarded(() => this.#driver.get(key));
  }

  getMany(keys: readonly string[]) {
    return this.#guarded(() => this.#driver.getMany(keys));
  }

  add(key: string, value: Buffer, ttlSeconds: number) {
    return this.#guarded(() => this.#driver.add(key, value, ttlSeconds));
  }

  cas(key: string, value: Buffer, ttlSeconds: number, token: CasToken) {
    return this.#guarded(() => this.#driver.cas(key, value, ttlSeconds, token));
  }

  touch(key: string, ttlSeconds: number) {
    return this.#guarded(() => this.#driver.touch(key, ttlSeconds));
  }

  delete(key: string) {
    return this.#driver.delete(key);
  }

  deleteMany(keys: readonly string[]) {
    return this.#driver.deleteMany(keys);
  }

  flushAll() {
    return this.#driver.flushAll();
  }

  version() {
    return this.#driver.version();
  }

  close(): void {
    this.#driver.close();
  }

  /** @throws FreshetError CACHE_CIRCUIT_OPEN without asking, and what the driver throws */
  #guarded<Answer>(command: () => Promise<Answer>): Promise<Answer> {
    // A node that answers has nothing to be counted: the library costs a hit as much as memcached does.
    if (!this.#isInDoubt) return command().catch((error: unknown) => this.#failed(error));
    return this.#counted(command);
  }

  /** The first failure since the node was last well; from now on the library counts. */
  #failed(cause: unknown): Promise<never> {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#isInDoubt ||= isOfTheNode(error);
    return this.#counted(() => Promise.reject(error));
  }

  async #counted<Answer>(command: () => Promise<Answer>): Promise<Answer> {
    // While one call tries, the library would let the others wait for it, however many.
    if (this.#breaker.state === CircuitState.HalfOpen) throw this.#refusal();
    try {
      const answer = await this.#breaker.execute(command);
      this.#isInDoubt = this.#breaker.state !== CircuitState.Closed;
      return answer;
    } catch (error) {
      throw isBrokenCircuitError(error) ? this.#refusal() : error;
    }
  }

  #refusal(): FreshetError {
    return new FreshetError(
      "CACHE_CIRCUIT_OPEN",
      `${this.node} has not answered and is not asked for a while`,
    );
  }
}

/** Not what a caller did wrong, and not what this process has too much of. */
function isOfTheNode(error: Error): boolean {
  return (
    error instanceof FreshetError &&
    (error.code === "CACHE_TIMEOUT" ||
      error.code === "CACHE_CONNECTION" ||
      error.code === "CACHE_SERVER_ERROR")
  );
}

import { setTimeout as delay } from "node:timers/promises";
import { Traffic } from "../traffic.ts";
import { waitFor } from "../wait-for.ts";

/** Requests that go on whatever happens to the services, and what tells a fault how many have ended. */
export class Load {
  readonly lanes: readonly Traffic[];
  readonly requests = { answered: 0, refused: 0, failed: 0 };
  readonly #canBeAsked: () => boolean;
  #running: readonly Promise<void>[] = [];
  #isRunning = false;

  /** `urls`: of each lane the service that it asks; `canBeAsked`: whether any service runs. */
  constructor(
    urls: readonly (() => string)[],
    options: { seed: number; profiles: number; canBeAsked: () => boolean },
  ) {
    const { seed, profiles } = options;
    this.#canBeAsked = options.canBeAsked;
    // A request that a frozen server holds is given up as a caller would give it up.
    this.lanes = urls.map((url, lane) => new Traffic(url, { seed: seed + lane, profiles, timeoutMs: 2_000 }));
  }

  get ended(): number {
    const { answered, refused, failed } = this.requests;
    return answered + refused + failed;
  }

  start(): void {
    this.#isRunning = true;
    this.#running = this.lanes.map((lane) => this.#run(lane));
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#running);
  }

  /** Resolves once so many requests of this load have ended since its beginning. */
  async untilEnded(count: number): Promise<void> {
    await waitFor(() => this.ended >= count, { timeoutMs: 240_000, describe: `${count} requests to end` });
  }

  async #run(lane: Traffic): Promise<void> {
    while (this.#isRunning) {
      if (!this.#canBeAsked()) {
        await waitFor(() => this.#canBeAsked() || !this.#isRunning, {
          timeoutMs: 240_000,
          describe: "a service to be asked",
        });
        continue;
      }
      const { answered, refused, failed } = await lane.run(3);
      this.requests.answered += answered;
      this.requests.refused += refused;
      this.requests.failed += failed;
      // As a caller backs off: a service that is just starting refuses thousands a second.
      if (failed > 0) await delay(50);
    }
  }
}

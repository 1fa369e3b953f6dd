import { CrashPoint } from "./crash-point.ts";
import { Deck, seededRandom } from "./seeded-random.ts";
import { type AppChanges, type RunningApp } from "./system.ts";
import { waitFor } from "./wait-for.ts";

/** One process that was killed: at which step, at which of its messages. */
export interface Kill {
  readonly step: string;
  readonly nth: number;
}

/** An app that dies at steps that a seed chooses, every step once before any comes again. */
export class Victim {
  readonly app: RunningApp;
  readonly #crash: CrashPoint;
  readonly #steps: Deck<string>;
  readonly #random: () => number;

  private constructor(app: RunningApp, crash: CrashPoint, steps: readonly string[], seed: number) {
    this.app = app;
    this.#crash = crash;
    this.#random = seededRandom(seed);
    this.#steps = new Deck(steps, this.#random);
  }

  static async start(
    start: (changes: AppChanges) => Promise<RunningApp>,
    steps: readonly [string, ...string[]],
    seed: number,
  ): Promise<Victim> {
    const crash = new CrashPoint(...steps);
    return new Victim(await start(crash), crash, steps, seed);
  }

  /** Resolves once it has died of kill -9 at its next step; somebody must keep it busy. */
  async die(): Promise<Kill> {
    const kill = { step: this.#steps.draw(), nth: 1 + Math.floor(this.#random() * 3) };
    const { ended } = this.app;
    this.#crash.arm(kill.nth, kill.step);
    await waitFor(() => this.app.pid === undefined, {
      timeoutMs: 90_000,
      describe: `the death of ${this.app.name} at ${kill.step}`,
    });
    const how = await ended;
    if (how !== "signal SIGKILL" || this.#crash.isArmed)
      throw new Error(
        `${this.app.name} ended by itself, before ${kill.step}: ${how}\n${this.app.log().slice(-2_000)}`,
      );
    return kill;
  }
}

import { CrashPoint } from "../crash-point.ts";
import { type AppChanges, type RunningApp } from "../system.ts";
import { waitUntil } from "../../../scripts/local/wait.mjs";
import { type Step } from "./schedule.ts";

/** How long a step of the code may take to come before the app is hit where it is. */
const stepTimeoutMs = 8_000;

/** A replica as its supervisor sees it: it is started again when it has ended, and an end by itself is told. */
export class App {
  readonly name: string;
  readonly process: RunningApp;
  readonly #crash: CrashPoint;
  readonly #onOwnEnd: (how: string) => void;
  #isMeantToEnd = false;

  private constructor(name: string, running: RunningApp, crash: CrashPoint, onOwnEnd: (how: string) => void) {
    this.name = name;
    this.process = running;
    this.#crash = crash;
    this.#onOwnEnd = onOwnEnd;
    this.#watch();
  }

  static async start(
    name: string,
    options: {
      steps: readonly [string, ...string[]];
      start: (changes: AppChanges) => Promise<RunningApp>;
      changes?: AppChanges;
      onOwnEnd: (how: string) => void;
    },
  ): Promise<App> {
    const { env = {}, nodeArgs = [] } = options.changes ?? {};
    const crash = new CrashPoint(...options.steps);
    const changes = { env: { ...env, ...crash.env }, nodeArgs: [...nodeArgs, ...crash.nodeArgs] };
    return new App(name, await options.start(changes), crash, options.onOwnEnd);
  }

  get url(): string {
    return this.process.url;
  }

  get isRunning(): boolean {
    return this.process.pid !== undefined;
  }

  /** kill -9, at a step of its code where one is told; answers whether that step came. */
  async kill(at?: Step): Promise<boolean> {
    this.#isMeantToEnd = true;
    const came = await this.#at(at, (step) => {
      this.#crash.arm(step.nth, step.step);
    });
    await this.process.kill();
    return came;
  }

  /** SIGSTOP, at a step of its code where one is told; answers whether that step came. */
  async freeze(at?: Step): Promise<boolean> {
    const came = await this.#at(at, (step) => {
      this.#crash.armAgainst(this.process, "SIGSTOP", step.nth, step.step);
    });
    this.process.pause();
    return came;
  }

  thaw(): void {
    this.process.resume();
  }

  /** SIGTERM, and waits. */
  async stop(): Promise<void> {
    this.#isMeantToEnd = true;
    await this.process.stop();
  }

  /** Starts it, again and again until it stays: what it needs may be away. */
  async revive(): Promise<void> {
    if (this.isRunning) return;
    this.#isMeantToEnd = true;
    const start = () => this.process.start().then(() => true);
    await waitUntil(`${this.name} to start`, start, { timeoutMs: 120_000, intervalMs: 500 });
    this.#watch();
  }

  async #at(at: Step | undefined, arm: (step: Step) => void): Promise<boolean> {
    if (at === undefined) return true;
    arm(at);
    const isOver = () => !this.#crash.isArmed || !this.isRunning;
    const came = await waitUntil(`${this.name} to reach ${at.step}`, isOver, {
      timeoutMs: stepTimeoutMs,
    }).catch(() => false);
    this.#crash.disarm();
    return came;
  }

  #watch(): void {
    this.#isMeantToEnd = false;
    void this.process.ended.then((how) => {
      if (!this.#isMeantToEnd) this.#onOwnEnd(how);
    });
  }
}

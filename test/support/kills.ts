import { checkCache, countedEvents, groupPartitions, untilQuiet } from "./checker.ts";
import { crashPoints } from "./crash-points.ts";
import { checkEvents } from "./event-log.ts";
import { forgottenKeys } from "./owed.ts";
import { ownBroker } from "./own-servers.ts";
import { publish } from "./publish.ts";
import { System } from "./system.ts";
import { Traffic } from "./traffic.ts";
import { type Kill, Victim } from "./victim.ts";

/** What a run of kills came to; each violation names the invariant that was broken. */
export interface KillReport {
  readonly kills: readonly Kill[];
  readonly requests: Readonly<Record<"answered" | "refused" | "failed", number>>;
  readonly violations: readonly string[];
}

/** How often the service dies while the group waits for the session of a killed invalidator to run out. */
const serviceKillsPerBatch = 2;
const lanes = 2;
const unreadable = { key: "nobody", value: "unreadable" };

/**
 * Kills both apps at steps that a seed chooses, each exactly at its step, while requests go on and unreadable events
 * come in. Each is started again; once all is quiet again, what must always hold is checked.
 */
export class Kills implements AsyncDisposable {
  readonly #system: System;
  readonly #service: Victim;
  readonly #invalidator: Victim;
  readonly #traffic: readonly Traffic[];
  readonly #kills: Kill[] = [];
  readonly #violations: string[] = [];
  readonly #requests = { answered: 0, refused: 0, failed: 0 };
  #writers: readonly Promise<void>[] = [];
  #isWriting = false;

  private constructor(
    parts: { system: System; service: Victim; invalidator: Victim },
    traffic: readonly Traffic[],
  ) {
    this.#system = parts.system;
    this.#service = parts.service;
    this.#invalidator = parts.invalidator;
    this.#traffic = traffic;
  }

  static async begin({ seed }: { seed: number }): Promise<Kills> {
    // A broker of their own: the topic's messages are counted at the end.
    const broker = await ownBroker();
    const system = await System.create({ brokers: [broker.address] });
    const [service, invalidator] = await Promise.all([
      Victim.start((crash) => system.startService(crash), crashPoints["profile-service"], seed),
      Victim.start((crash) => system.startInvalidator(crash), crashPoints.invalidator, seed),
    ]);
    const { url } = service.app;
    const traffic = Array.from({ length: lanes }, (_, lane) => new Traffic(url, { seed: seed + lane }));
    for (const each of traffic) await each.createAll();
    return new Kills({ system, service, invalidator }, traffic);
  }

  /** So many kills, or two more; `progress` hears of each batch of them. */
  async run(kills: number, progress: (report: KillReport) => void = () => undefined): Promise<KillReport> {
    while (this.#kills.length < kills) {
      await this.#batch();
      progress(this.#report());
    }
    await this.#settle();
    return this.#report();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#system[Symbol.asyncDispose]();
  }

  async #batch(): Promise<void> {
    for (const traffic of this.#traffic) await traffic.readAll();
    this.#resume();
    try {
      await Promise.all([this.#killInvalidator(), this.#killService()]);
    } finally {
      await this.#pause();
    }
    await untilQuiet(this.#system);
    await this.#checkValues();
  }

  async #killInvalidator(): Promise<void> {
    this.#kills.push(await this.#invalidator.die());
    // Dead, it has said what it owes by its last commit alone.
    await this.#pause();
    for (const key of await forgottenKeys(this.#system)) this.#violations.push(`I4: ${key} is old, not owed`);
    this.#resume();
    await this.#invalidator.app.start();
  }

  async #killService(): Promise<void> {
    for (let kill = 0; kill < serviceKillsPerBatch; kill += 1) {
      this.#kills.push(await this.#service.die());
      await this.#service.app.start();
      for (const traffic of this.#traffic) await traffic.readAll();
    }
  }

  /** Ends the run: what holds over all of it, and that events are counted each once where nothing is read twice. */
  async #settle(): Promise<void> {
    const { problems } = await checkEvents(this.#system);
    this.#violations.push(...problems.map((problem) => `I5, I6: ${problem}`));
    const before = await this.#unaccounted();
    for (const traffic of this.#traffic) await traffic.touchAll();
    await untilQuiet(this.#system);
    const after = await this.#unaccounted();
    for (const [index, pool] of pools.entries())
      if (after[index] !== before[index])
        this.#violations.push(
          `I8: ${pool} has counted ${Number(before[index]) - Number(after[index])} too many`,
        );
    await this.#checkValues();
  }

  /** Per pool: the topic's messages less those that this life of the invalidator has counted. */
  async #unaccounted(): Promise<number[]> {
    return await Promise.all(
      pools.map(async (pool) => {
        const partitions = await groupPartitions(this.#system, pool);
        const counted = await countedEvents([this.#invalidator.app.url], pool);
        return partitions.reduce((sum, { high }) => sum + high, 0) - counted;
      }),
    );
  }

  async #checkValues(): Promise<void> {
    for (const { key, cached, committed } of (await checkCache(this.#system)).violations)
      this.#violations.push(`I1: ${key} is cached as ${cached}, committed is ${committed}`);
  }

  #resume(): void {
    this.#isWriting = true;
    this.#writers = this.#traffic.map((traffic) => this.#write(traffic));
  }

  async #pause(): Promise<void> {
    this.#isWriting = false;
    await Promise.all(this.#writers);
  }

  async #write(traffic: Traffic): Promise<void> {
    while (this.#isWriting) {
      const tally = await traffic.run(3);
      this.#requests.answered += tally.answered;
      this.#requests.refused += tally.refused;
      this.#requests.failed += tally.failed;
      await publish(this.#system.brokers, this.#system.topic, [unreadable]);
    }
  }

  #report(): KillReport {
    return { kills: [...this.#kills], requests: { ...this.#requests }, violations: [...this.#violations] };
  }
}

const pools = ["profiles", "teams"] as const;

// Plays schedules of faults on a world, heals it, and has what must always hold checked.
import { checkCache, groupPartitions, readRows } from "../checker.ts";
import { readTopic } from "../event-log.ts";
import {
  judgeCommits,
  judgeHistory,
  judgeLetters,
  judgeLog,
  judgeSnapshot,
  type Snapshot,
} from "../invariants.ts";
import { waitUntil } from "../../../scripts/local/wait.mjs";
import { waitFor } from "../wait-for.ts";
import { Crowd } from "./crowd.ts";
import { keepEvidence } from "./evidence.ts";
import { plays } from "./faults.ts";
import { describeFault, type Fault, type Schedule } from "./schedule.ts";
import { pools, World, type WorldOptions } from "./world.ts";

/** What became of one schedule; each violation names the invariant that was broken. */
export interface Outcome {
  readonly schedule: Schedule;
  readonly seconds: number;
  /** What was done when, in seconds since the schedule began. */
  readonly log: readonly string[];
  readonly requests: Readonly<Record<"answered" | "refused" | "failed", number>>;
  /** Change events that were published since the last schedule, and second copies among all of the world's. */
  readonly events: number;
  readonly repeated: number;
  readonly keysChecked: number;
  readonly violations: readonly string[];
}

/** A world that is broken and healed again and again, until it has shown a violation. */
export class Nemesis implements AsyncDisposable {
  readonly #world: World;
  #published = 0;

  private constructor(world: World) {
    this.#world = world;
  }

  static async begin(options: WorldOptions): Promise<Nemesis> {
    const nemesis = new Nemesis(await World.begin(options));
    try {
      await nemesis.#world.untilHealed();
      return nemesis;
    } catch (error) {
      await nemesis[Symbol.asyncDispose]();
      throw error;
    }
  }

  async play(schedule: Schedule): Promise<Outcome> {
    const outcome = await new Run(this.#world, schedule, this.#published).play();
    this.#published += outcome.events;
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#world[Symbol.asyncDispose]();
  }
}

/** Of one schedule, however soon its faults are over. */
const leastRequests = 150;

class Run {
  readonly #world: World;
  readonly #schedule: Schedule;
  readonly #published: number;
  readonly #startedMs = performance.now();
  readonly #log: string[] = [];
  readonly #snapshots: Snapshot[] = [];
  readonly #violations: string[] = [];
  #keysChecked = 0;
  #events = 0;
  #repeated = 0;

  constructor(world: World, schedule: Schedule, published: number) {
    this.#world = world;
    this.#schedule = schedule;
    this.#published = published;
  }

  async play(): Promise<Outcome> {
    const { load } = this.#world;
    const before = { ...load.requests };
    try {
      await this.#break();
      await this.#heal();
      await this.#check();
      await this.#checkCounts();
    } catch (error) {
      this.#violations.push(`I7: ${describeError(error)}`);
    }
    for (const end of this.#world.takeOwnEnds()) this.#violations.push(`I7: ${end}`);
    if (this.#violations.length > 0) await this.#keepEvidence();
    const since = (name: keyof typeof before) => load.requests[name] - before[name];
    return {
      schedule: this.#schedule,
      seconds: this.#seconds(),
      log: this.#log,
      requests: { answered: since("answered"), refused: since("refused"), failed: since("failed") },
      events: this.#events,
      repeated: this.#repeated,
      keysChecked: this.#keysChecked,
      violations: this.#violations,
    };
  }

  /** All faults, each at its time, under traffic; returns once every one is healed. */
  async #break(): Promise<void> {
    const { load } = this.#world;
    const { crowd: size, faults } = this.#schedule;
    const crowd = size === undefined ? undefined : await Crowd.gather(this.#world, size);
    await Promise.all(load.lanes.map((lane) => lane.readAll()));
    const begun = load.ended;
    load.start();
    try {
      await Promise.all([crowd?.changeAll(), ...faults.map((fault) => this.#play(fault, begun))]);
      await load.untilEnded(begun + leastRequests);
    } finally {
      await load.stop();
    }
  }

  async #play(fault: Fault, begun: number): Promise<void> {
    const { load } = this.#world;
    await load.untilEnded(begun + fault.afterRequests);
    this.#say(describeFault(fault));
    const effect = await plays[fault.kind](this.#world, fault, (what) => {
      this.#say(`${fault.target}: ${what}`);
    });
    if (effect === undefined) return;
    try {
      const { isNoticed } = effect;
      if (fault.lasts === "until noticed" && isNoticed !== undefined) {
        const noticed = await waitFor(isNoticed, {
          timeoutMs: 25_000,
          intervalMs: 200,
          describe: "notice",
        }).catch(() => false);
        this.#say(`${fault.target}: ${noticed ? "noticed" : "not noticed"}`);
      } else await load.untilEnded(load.ended + (fault.lasts === "until noticed" ? 60 : fault.lasts));
      await this.#look();
    } finally {
      await effect.heal();
      this.#say(`${fault.target}: healed`);
    }
  }

  async #heal(): Promise<void> {
    await this.#world.reviveAll();
    await this.#world.untilHealed();
    this.#say("quiet");
    await this.#look();
  }

  async #look(): Promise<void> {
    const snapshot = await this.#world.snapshot();
    if (snapshot !== undefined) this.#snapshots.push(snapshot);
  }

  /** Nothing is under way and nobody writes. */
  async #check(): Promise<void> {
    const { checked, strangers } = this.#world;
    const [records, letters, rows, commits] = await looked(() =>
      Promise.all([
        readTopic(checked.brokers, checked.topic),
        readTopic(checked.brokers, `${checked.topic}.dlt`),
        readRows(checked.databaseUrl),
        groupPartitions(checked, ...pools),
      ]),
    );
    const log = judgeLog(records, rows, strangers);
    this.#events = log.events.length - this.#published;
    this.#repeated = log.repeated;
    this.#violations.push(
      ...log.violations,
      ...judgeCommits(commits, records),
      ...judgeLetters(records, letters, pools),
      ...judgeHistory(this.#snapshots),
      ...this.#snapshots.flatMap((snapshot) => judgeSnapshot(snapshot, log)),
    );
    this.#keysChecked += this.#snapshots.reduce((sum, { cached }) => sum + cached.length, 0);
    await this.#checkValues();
  }

  /** I1. */
  async #checkValues(): Promise<void> {
    const { values, violations } = await looked(() => checkCache(this.#world.checked));
    this.#keysChecked += values;
    for (const { key, node, cached, committed } of violations)
      this.#violations.push(`I1: ${key} on ${node} is cached as ${cached}, committed is ${committed}`);
  }

  /**
   * I8, where it can be told: a replica that died took its counts with it, and what was read twice was counted twice.
   * So one more change of each profile, while nothing is broken, has to be published, and counted exactly.
   */
  async #checkCounts(): Promise<void> {
    const { load } = this.#world;
    const before = await looked(() => this.#world.counts());
    await Promise.all(load.lanes.map((lane) => lane.readAll()));
    const changed = await Promise.all(load.lanes.map((lane) => lane.touchAll()));
    const changes = changed.reduce((sum, { answered }) => sum + answered, 0);
    await this.#world.untilHealed();
    const after = await looked(() => this.#world.counts());
    for (const [index, { pool, counted, high }] of after.entries()) {
      const [records, events] = [high - (before[index]?.high ?? 0), counted - (before[index]?.counted ?? 0)];
      if (records < changes)
        this.#violations.push(`I5: ${changes} changes were committed, ${records} records published`);
      if (records !== events || records === 0)
        this.#violations.push(`I8: ${pool} has counted ${events} of ${records} records`);
    }
    await this.#checkValues();
    this.#say("checked");
  }

  async #keepEvidence(): Promise<void> {
    const story = [...this.#schedule.faults.map(describeFault), ...this.#log, ...this.#violations].join("\n");
    this.#say(`what was found is kept in ${await keepEvidence(this.#world, story)}`);
  }

  #say(what: string): void {
    this.#log.push(`${this.#seconds().toFixed(1)} s  ${what}`);
  }

  #seconds(): number {
    return (performance.now() - this.#startedMs) / 1_000;
  }
}

/** What a look has found: one that a busy machine made late is repeated, since nothing changes meanwhile. */
async function looked<Found extends object>(look: () => Promise<Found>): Promise<Found> {
  return waitUntil("every server to be looked at", look, { timeoutMs: 60_000, intervalMs: 500 });
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`;
}

// What fault specs have in common: how they begin and how they end.
import { expect } from "vitest";
import { checkCache, groupPartitions, untilQuiet } from "../support/checker.ts";
import { type AppChanges, type RunningApp, System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

interface ScenarioOptions {
  readonly brokers?: string[];
  readonly service?: AppChanges;
  readonly invalidator?: AppChanges;
  readonly profiles?: number;
  /** Each node stands behind a proxy. */
  readonly proxied?: boolean;
}

/** A system in which every profile is cached by its id and by its handle, and nothing is under way. */
export class Scenario implements AsyncDisposable {
  readonly system: System;
  readonly service: RunningApp;
  readonly invalidator: RunningApp;
  readonly traffic: Traffic;

  private constructor(parts: Pick<Scenario, "system" | "service" | "invalidator" | "traffic">) {
    this.system = parts.system;
    this.service = parts.service;
    this.invalidator = parts.invalidator;
    this.traffic = parts.traffic;
  }

  static async begin(options: ScenarioOptions = {}): Promise<Scenario> {
    const { service = {}, invalidator = {}, profiles = 10 } = options;
    const system = await System.create(options);
    const [running, bus] = await Promise.all([
      system.startService(service),
      system.startInvalidator(invalidator),
    ]);
    const traffic = new Traffic(running.url, { profiles });
    await traffic.createAll();
    await untilQuiet(system);
    await traffic.cacheAll();
    return new Scenario({ system, service: running, invalidator: bus, traffic });
  }

  /** How many cached values are old now: more than none proves that the fault has its effect. */
  async oldValues(): Promise<number> {
    return (await checkCache(this.system)).violations.length;
  }

  /** What every fault must end with: all is quiet, no value on any node is old, and the bus goes on. */
  async expectHealed(): Promise<void> {
    await untilQuiet(this.system);
    await this.#expectNoneOld();
    await this.traffic.cacheAll();
    await this.traffic.touchAll();
    await untilQuiet(this.system);
    await this.#expectNoneOld();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system[Symbol.asyncDispose]();
  }

  async #expectNoneOld(): Promise<void> {
    expect((await checkCache(this.system)).violations).toEqual([]);
  }
}

/** Resolves once everything is committed, with what one of these nodes has missed in the metadata of the commits (I4). */
export async function untilOwed({ system }: Scenario, ...nodes: string[]): Promise<void> {
  await waitFor(
    async () => {
      const partitions = await groupPartitions(system, "profiles");
      expect(partitions.filter(({ committed, high }) => committed < high)).toEqual([]);
      const owed = partitions.filter(({ missed }) => nodes.some((node) => node in Object(missed)));
      expect(owed.length).toBeGreaterThan(0);
      return true;
    },
    { timeoutMs: 30_000, intervalMs: 200, describe: `lag 0 with deletions owed to ${nodes.join(" or ")}` },
  );
}

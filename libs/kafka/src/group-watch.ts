import { setTimeout as delay } from "node:timers/promises";
import type { Admin } from "kafkajs";
import { describeGroups, type GroupDescription, type GroupPartitionLag, groupLag } from "./group-lag.ts";
import { type LagSample, type LagVerdict, lagVerdict, lagWindow } from "./lag-verdict.ts";
import type { TopicPartition } from "./types.ts";

/** The last looks at the partitions of groups, as many as a verdict needs. */
export class LagHistory {
  readonly #samples = new Map<string, LagSample[]>();

  /** Adds a look at one group, and says what the looks so far tell of each of its partitions, in their order. */
  add(group: GroupDescription, partitions: readonly GroupPartitionLag[]): (LagVerdict | undefined)[] {
    const read = new Set(group.members.flatMap((member) => member.partitions.map(nameOf)));
    return partitions.map((at) => {
      const name = `${group.groupId} ${nameOf(at)}`;
      const sample = { committed: at.committed, lag: at.lag, hasReader: read.has(nameOf(at)) };
      const samples = [...(this.#samples.get(name) ?? []), sample].slice(-lagWindow);
      this.#samples.set(name, samples);
      return lagVerdict(samples);
    });
  }
}

/** A group as the broker had it at the last look. */
export interface GroupLag {
  readonly group: GroupDescription;
  readonly atMs: number;
  readonly partitions: readonly (GroupPartitionLag & { readonly verdict: LagVerdict | undefined })[];
}

/** Whose lag is watched, and how often it is asked for. */
export interface GroupWatchOptions {
  readonly admin: Admin;
  /** Which groups to look at, and the topics that each has to read; asked at each look. */
  readonly groups: () => readonly { readonly groupId: string; readonly topics: readonly string[] }[];
  /** A look failed: the broker did not answer, or a topic is not there. */
  readonly onFailure: (error: unknown) => void;
  readonly intervalMs?: number;
}

/** Ten looks are 50 s: longer than a rebalance and than the restart of a replica. */
const everyMs = 5_000;
/** A look that is older than so many intervals tells nothing of now. */
const staleAfter = 3;
const stopMs = 1_000;

/** Looks again and again at whole groups as the broker has them, so that one that is stalled or dead shows. */
export class GroupWatch {
  readonly #options: GroupWatchOptions;
  readonly #intervalMs: number;
  readonly #history = new LagHistory();
  readonly #seen = new Map<string, GroupLag>();
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: GroupWatchOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? everyMs;
  }

  /** Begins to look; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Looks no more; a look in hand is waited for, but not longer than a stop may take. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const bound = new AbortController();
    const waited = delay(stopMs, undefined, { signal: bound.signal }).catch(() => undefined);
    await Promise.race([this.#running, waited]);
    bound.abort();
  }

  /** The last look at a group; undefined when there is none that still says anything. */
  of(groupId: string, nowMs = Date.now()): GroupLag | undefined {
    const seen = this.#seen.get(groupId);
    return seen !== undefined && nowMs - seen.atMs < this.#intervalMs * staleAfter ? seen : undefined;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const { admin, onFailure } = this.#options;
    while (!this.#isStopped()) {
      try {
        await admin.connect();
        await this.#look();
      } catch (error) {
        if (!this.#isStopped()) onFailure(error);
      }
      await delay(this.#intervalMs, undefined, { signal }).catch(() => undefined);
    }
    await admin.disconnect().catch(() => undefined);
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #look(): Promise<void> {
    const { admin, groups } = this.#options;
    const wanted = groups();
    const descriptions = await describeGroups(
      admin,
      wanted.map(({ groupId }) => groupId),
    );
    for (const [index, { groupId, topics }] of wanted.entries()) {
      const group = descriptions[index];
      if (group === undefined || this.#isStopped()) return;
      const lags = await groupLag(admin, groupId, topics);
      const verdicts = this.#history.add(group, lags);
      const partitions = lags.map((at, place) => ({ ...at, verdict: verdicts[place] }));
      this.#seen.set(groupId, { group, atMs: Date.now(), partitions });
    }
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

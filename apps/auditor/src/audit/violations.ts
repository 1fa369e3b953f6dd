import type { CachePool } from "@freshet/cache";
import { type GroupPosition, groupPositions, lateStep, lateStepText } from "@freshet/inspect";
import { consumerGroupId } from "@freshet/kafka";
import type { Admin } from "kafkajs";
import { z } from "zod";
import type { Ended } from "./auditor.ts";

/** A stale value that readers were given, with its evidence. */
export const violation = z.object({
  at: z.string().meta({ format: "date-time" }).describe("When it was seen"),
  pool: z.string(),
  view: z.string(),
  key: z.string(),
  node: z.string(),
  horizonSeconds: z.number().describe("The check that saw it"),
  seenAfterSeconds: z.number().describe("From the append of the event to the sight"),
  entity: z.string(),
  cachedVersion: z.int().nullable().describe("null: built without the entity"),
  committedVersion: z.int().describe("Of the event"),
  event: z.object({ id: z.string(), topic: z.string(), partition: z.int(), offset: z.string() }),
  late: z.string().describe("publish, consume, node, topology, moved or acknowledged"),
  because: z.string(),
});
export type Violation = z.infer<typeof violation>;

/** What is looked up about violations of one tick, at most; the rest is counted and not explained. */
const mostExplained = 20;
const mostKept = 100;

/** The last violations, each with the step that is late. */
export class Violations {
  readonly #admin: Admin;
  readonly #deployment: string;
  readonly #pools: ReadonlyMap<string, CachePool>;
  readonly #kept: Violation[] = [];

  constructor(admin: Admin, deployment: string, pools: ReadonlyMap<string, CachePool>) {
    this.#admin = admin;
    this.#deployment = deployment;
    this.#pools = pools;
  }

  /** The newest first. */
  get last(): readonly Violation[] {
    return [...this.#kept].reverse();
  }

  /** Looks up why, and keeps them; answers those that it looked up. */
  async add(ended: readonly Ended[], nowMs: number): Promise<Violation[]> {
    const stale = ended.filter(({ verdict }) => verdict === "stale").slice(0, mostExplained);
    const positions = await this.#positions(stale);
    const added: Violation[] = [];
    for (const { check, horizonMs, suspect } of stale) {
      const position = positions.get(check.pool)?.get(`${check.topic}/${check.partition}`);
      const node = suspect?.node ?? "";
      const topology = this.#pools.get(check.pool)?.topologyHash ?? "";
      const late = position && lateStep(check, position, { node, topology });
      added.push({
        at: new Date(nowMs).toISOString(),
        pool: check.pool,
        view: check.view,
        key: check.key,
        node,
        horizonSeconds: horizonMs / 1_000,
        seenAfterSeconds: (nowMs - check.appendedMs) / 1_000,
        entity: check.entity,
        cachedVersion: suspect?.cachedVersion ?? null,
        committedVersion: check.version,
        event: {
          id: check.eventId,
          topic: check.topic,
          partition: check.partition,
          offset: check.offset.toString(),
        },
        late: late?.step ?? "unknown",
        because: late
          ? lateStepText(late, check, check.pool, node)
          : "the broker did not say where the group stands",
      });
    }
    this.#kept.push(...added);
    this.#kept.splice(0, this.#kept.length - mostKept);
    return added;
  }

  /** Where each pool's group stands in the topics of these checks; what the broker does not say is left out. */
  async #positions(stale: readonly Ended[]): Promise<Map<string, ReadonlyMap<string, GroupPosition>>> {
    const topics = new Map<string, Set<string>>();
    for (const { check } of stale)
      topics.set(check.pool, (topics.get(check.pool) ?? new Set<string>()).add(check.topic));
    const found = [...topics].map(async ([pool, ofPool]) => {
      const groupId = consumerGroupId(this.#deployment, pool);
      try {
        await this.#admin.connect();
        return [pool, await groupPositions(this.#admin, groupId, [...ofPool])] as const;
      } catch {
        return [pool, new Map<string, GroupPosition>()] as const;
      }
    });
    return new Map(await Promise.all(found));
  }
}

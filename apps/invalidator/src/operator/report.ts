import type { AssignedPartition, ConsumerFailure, Gap } from "@freshet/kafka";
import type { Logger } from "@freshet/observability";
import type { KafkaMessage } from "kafkajs";
import type { ReloadEvent } from "../manifests/reload.ts";
import type { ReplayedSlice } from "../nodes/catch-up.ts";
import type { NodeEvent } from "../nodes/node-watch.ts";
import type { OwnerEvent } from "../owners/owner-service.ts";
import type { Execution, SliceProgress } from "../pipeline/execute.ts";
import { decodeBatch } from "../pipeline/decode.ts";
import type { BatchPlan } from "../pipeline/plan.ts";
import type { EventResult, InvalidatorMetrics } from "./metrics.ts";

/** A stretch of one partition: what log lines name. */
export interface BatchPosition {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: string;
  readonly lastOffset: string;
}

const laterFormat =
  "a later version committed what this one can't read, so what its nodes have missed is unknown";

/** An open gap, until the process ends or an operator repairs it. */
export interface OpenGap extends Gap {
  readonly sinceMs: number;
  readonly flushed: boolean;
}

/** Tells the operator about the services that values are refreshed from. */
export function logOwners(logger: Logger): (event: OwnerEvent) => void {
  return (event) => {
    const { service } = event;
    if (event.type === "owner-back") logger.info({ service }, "the service renews values again");
    else
      logger.warn(
        { service, error: messageOf(event.error) },
        "the service does not renew values: keys are deleted instead, it is asked again every 5 s",
      );
  };
}

/** Tells the operator what becomes of changed manifests. */
export function reportReloads({ reloads }: InvalidatorMetrics, logger: Logger): (event: ReloadEvent) => void {
  return (event) => {
    reloads.inc({ result: event.type });
    if (event.type === "taken")
      logger.info({ hash: event.hash, before: event.before }, "the changed manifests are in force");
    else if (event.type === "restored")
      logger.info({ hash: event.hash }, "the manifests are what runs again");
    else
      logger.error(
        { error: messageOf(event.error) },
        "the changed manifests are refused as a whole: those before them stay in force",
      );
  };
}

/** Events that this process has parked, by topic and reason. */
export interface ParkedEvents {
  readonly topic: string;
  readonly reason: string;
  readonly count: number;
}

/** Tells the operator what a pool does: the metrics and log lines of one pool, in one place. */
export class PoolReport {
  gaps: readonly OpenGap[] = [];
  readonly #parked = new Map<string, ParkedEvents>();
  readonly #pool: string;
  readonly #metrics: InvalidatorMetrics;
  readonly #logger: Logger;

  constructor(pool: string, metrics: InvalidatorMetrics, logger: Logger) {
    this.#pool = pool;
    this.#metrics = metrics;
    this.#logger = logger.child({ pool });
  }

  /** Dead letters since this process began. */
  get deadLetters(): readonly ParkedEvents[] {
    return [...this.#parked.values()];
  }

  /** A batch is done: every event of it is accounted for, every key acknowledged or marked as missed. */
  batchDone(
    at: BatchPosition,
    plan: BatchPlan,
    execution: Execution,
    startedMs: number,
    nowMs: number,
  ): void {
    const [pool, { topic }, metrics] = [this.#pool, at, this.#metrics];
    const count = (result: EventResult, events: number) => {
      if (events > 0) metrics.events.inc({ pool, topic, result }, events);
    };
    count("applied", plan.applied);
    count("superseded", plan.superseded);
    count("unaffected", plan.unaffected);
    count("dead-lettered", plan.letters.length);
    if (plan.foreignKeys > 0) metrics.foreignKeys.inc({ pool, topic }, plan.foreignKeys);
    if (plan.effectUnknown > 0) metrics.effectUnknown.inc({ pool, topic }, plan.effectUnknown);
    for (const [node, keys] of execution.deleted) metrics.keys.inc({ pool, node, action: "delete" }, keys);
    for (const [node, keys] of execution.refreshed) metrics.keys.inc({ pool, node, action: "refresh" }, keys);
    for (const { view, result } of execution.renewals) metrics.renewals.inc({ pool, view, result });
    for (const [node, keys] of execution.missed) metrics.keysMissed.inc({ pool, node }, keys);
    metrics.batchSeconds.observe({ pool }, (nowMs - startedMs) / 1_000);
    for (const action of ["delete", "refresh"] as const) {
      const seconds = plan.written[action].map((atMs) => Math.max(0, nowMs - atMs) / 1_000);
      metrics.commitToGone.observeAll({ pool, action }, seconds);
    }
    this.#letters(at, plan);
    this.#logger.debug(
      { ...at, keys: plan.deletes.length + plan.renewals.length, ms: nowMs - startedMs },
      "batch invalidated",
    );
  }

  /** A line for each event below `done`, so that a change can be followed by its trace; at debug alone, since a batch holds thousands. */
  eventsDone({ topic, partition }: BatchPosition, messages: readonly KafkaMessage[], done: bigint): void {
    if (!this.#logger.isLevelEnabled("debug")) return;
    for (const decoded of decodeBatch(messages)) {
      const { offset } = decoded.message;
      if (BigInt(offset) >= done) return;
      if (!("event" in decoded)) continue;
      const { event } = decoded;
      // Any publisher may have written it: only what has the form of an id is one.
      const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(event.traceparent ?? "")?.[1];
      const { type, subject: entity, data } = event;
      const { version } = data;
      this.#logger.debug({ traceId, topic, partition, offset, type, entity, version }, "event invalidated");
    }
  }

  /** An event is being invalidated in slices. */
  slice({ topic, partition, offset, keys, slices, done }: SliceProgress): void {
    const pool = this.#pool;
    if (done > 0) this.#metrics.slices.inc({ pool, topic });
    const event = { topic, partition, offset: offset.toString(), keys, slices };
    if (done === 0)
      this.#logger.warn(
        event,
        "the event expands to more than SLICE_KEYS keys: they are deleted slice by slice",
      );
    else if (done === slices) this.#logger.info(event, "every slice of the event is done");
  }

  nodeEvent(event: NodeEvent): void {
    const { node } = event;
    if (event.type === "node-away")
      this.#logger.error(
        { node, error: messageOf(event.error) },
        "node is away: its deletions are owed, marked in the commit metadata; the other nodes go on",
      );
    else if (event.type === "node-owes")
      this.#logger.error(
        { node, partitions: event.partitions },
        "node has missed deletions that can't be read any more, and its pool is not dedicated: flush it or let the TTL pass",
      );
    else if (event.type === "catch-up-failed")
      this.#logger.error(
        { node, error: messageOf(event.error) },
        "node could not be caught up: tried again in a second, from where it was",
      );
    else {
      const { caughtUp } = event;
      if (caughtUp?.how === "flushed") this.flushed(node, "node_was_away");
      const events = caughtUp?.how === "replayed" ? caughtUp.events : undefined;
      this.#logger.warn({ node, how: caughtUp?.how ?? "it has missed nothing", events }, "node is back");
    }
  }

  /** A slice of what a node has missed is made up for. */
  replayed({ node, events, keys, seconds }: ReplayedSlice): void {
    const pool = this.#pool;
    this.#metrics.replayedEvents.inc({ pool, node }, events);
    this.#metrics.replaySlices.observe({ pool }, seconds);
    this.#logger.debug({ node, events, keys, ms: Math.round(seconds * 1_000) }, "slice replayed");
  }

  /** Deletes waited for the pool's ceiling. */
  waited(waitMs: number): void {
    this.#metrics.ceilingWaited.inc({ pool: this.#pool }, waitMs / 1_000);
  }

  flushed(node: string, reason: "node_was_away" | "gap" | "operator"): void {
    this.#metrics.nodesFlushed.inc({ pool: this.#pool, node, reason });
  }

  gap(gap: Gap, flushed: boolean): void {
    const { topic, partition, reason, committed, position, detail } = gap;
    this.#metrics.gaps.inc({ pool: this.#pool, topic, reason });
    this.gaps = [...this.gaps, { ...gap, sinceMs: Date.now(), flushed }];
    this.#logger.error(
      {
        topic,
        partition,
        reason,
        committed: committed?.toString(),
        position: position.toString(),
        flushed,
        detail,
      },
      `${reason === "later_format" ? laterFormat : "events can't be read any more"}: ${
        flushed ? "the pool was flushed" : "cached values may be old until their TTL passes"
      }`,
    );
  }

  /** Forgets the gaps from before this time: an operator has made up for them. Answers how many were open. */
  settleGaps(beforeMs: number): number {
    const settled = this.gaps.filter(({ sinceMs }) => sinceMs < beforeMs);
    this.gaps = this.gaps.filter(({ sinceMs }) => sinceMs >= beforeMs);
    return settled.filter(({ flushed }) => !flushed).length;
  }

  /** Views that are declared with a refresh which nothing can carry out. */
  notRefreshed(views: readonly { readonly name: string; readonly service: string }[], on: boolean): void {
    for (const { name: view, service } of views)
      this.#logger.warn(
        { view, service },
        on
          ? `onChange says refresh, but SERVICE_URL_${service.toUpperCase().replaceAll("-", "_")} is not set: its keys are deleted`
          : "onChange says refresh, but REFRESH is off: its keys are deleted",
      );
  }

  topologyUnknown({ topic, partition, metadata }: AssignedPartition): void {
    this.#metrics.topologyUnknown.inc({ pool: this.#pool });
    this.#logger.error(
      { topic, partition, committedTopology: metadata?.topo },
      "the last commit was made under another node list: list it in MEMCACHED_<POOL>_PREVIOUS",
    );
  }

  assigned(partitions: readonly AssignedPartition[]): void {
    this.#logger.info(
      {
        partitions: partitions.map(
          ({ topic, partition, position }) => `${topic}/${partition}@${position.toString()}`,
        ),
      },
      "partitions assigned",
    );
  }

  failure({ step, partition, attempt, error }: ConsumerFailure): void {
    this.#logger.error(
      { step, topic: partition?.topic, partition: partition?.partition, attempt, error: messageOf(error) },
      `${step} failed: tried again, nothing is committed past it`,
    );
  }

  givenUp(error: unknown): void {
    this.#logger.fatal(
      { error: messageOf(error) },
      "the consumer has given up for good: liveness fails, and the process ends soon; start it again",
    );
  }

  #letters(at: BatchPosition, plan: BatchPlan): void {
    for (const { message, reason, detail, entityId } of plan.letters) {
      this.#metrics.deadLetters.inc({ pool: this.#pool, topic: at.topic, reason });
      const name = `${at.topic} ${reason}`;
      const count = (this.#parked.get(name)?.count ?? 0) + 1;
      this.#parked.set(name, { topic: at.topic, reason, count });
      this.#logger.error(
        {
          topic: at.topic,
          partition: at.partition,
          offset: message.offset,
          entity: entityId,
          reason,
          detail,
        },
        "event parked as a dead letter",
      );
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

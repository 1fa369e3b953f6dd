import type { BatchResult, EventBatch } from "@freshet/kafka";
import { freshetBatch, KeepErrorFilter } from "@freshet/kafka/nest";
import { Controller, Inject, UseFilters } from "@nestjs/common";
import { EventPattern, Payload } from "@nestjs/microservices";
import type { PoolPipeline } from "../pool-pipeline.ts";
import { PoolPipelines } from "../pools.ts";
import { decodeBatch } from "./decode.ts";
import { planBatch } from "./plan.ts";

/**
 * Step 1 of the invalidation path, and the whole of it in order: consume → decode → plan → execute → commit. A
 * batch is of one partition and of one pool's group; what this returns, the consumer commits, and hands in the rest.
 */
@Controller()
@UseFilters(KeepErrorFilter)
export class InvalidationConsumer {
  readonly #pools: PoolPipelines;

  constructor(@Inject(PoolPipelines) pools: PoolPipelines) {
    this.#pools = pools;
  }

  @EventPattern(freshetBatch)
  async onBatch(@Payload() batch: EventBatch): Promise<BatchResult> {
    const pool = this.#pools.ofGroup(batch.groupId);
    // No progress, and no failure: the next start has the pause and the batch.
    if (!(await pool.unpaused(batch.signal))) return { done: BigInt(batch.messages[0]?.offset ?? 0) };
    return pool.live.live(() => this.#invalidate(pool, batch));
  }

  async #invalidate(pool: PoolPipeline, batch: EventBatch): Promise<BatchResult> {
    const startedMs = Date.now();
    const { topic, partition, messages, attempt, signal } = batch;
    const { graph, executor, report, recent, sliceKeys } = pool;
    const [first, last] = [messages[0], messages.at(-1)];
    if (first === undefined || last === undefined) throw new Error("a batch without messages");

    const plan = planBatch(decodeBatch(messages), topic, graph, sliceKeys);
    const oldestMs = Number(first.timestamp);
    const start = { topic, partition, attempt, firstOffset: BigInt(first.offset), oldestMs, signal };
    const execution = await executor.execute(plan, start);

    const done = plan.end ?? BigInt(last.offset) + 1n;
    const at = { topic, partition, firstOffset: first.offset, lastOffset: String(done - 1n) };
    const goneAtMs = Date.now();
    report.batchDone(at, plan, execution, startedMs, goneAtMs);
    report.eventsDone(at, messages, done);
    recent.add({ topic, partition, graph, execution, goneAtMs, events: plan.events, shown: plan.latest });
    return { done };
  }
}

import "reflect-metadata";
import { BatchConsumer, type BatchResult, consumerGroupId, type EventBatch } from "@freshet/kafka";
import { freshetBatch, FreshetServer, KeepErrorFilter } from "@freshet/kafka/nest";
import {
  Controller,
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  UseFilters,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { EventPattern, Payload } from "@nestjs/microservices";
import { expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { committed, everyOffset, hourMs, numbered, publish, testKafka } from "./support.ts";

/** What the handler does and what happened, in order. */
class Log {
  readonly entries: string[] = [];
  failures = 0;
}

@Injectable()
class Client implements OnApplicationShutdown {
  readonly #log: Log;

  constructor(@Inject(Log) log: Log) {
    this.#log = log;
  }

  onApplicationShutdown(): void {
    this.#log.entries.push("client closed");
  }
}

@Controller()
@UseFilters(KeepErrorFilter)
class Batches {
  readonly #log: Log;

  constructor(@Inject(Log) log: Log) {
    this.#log = log;
  }

  @EventPattern(freshetBatch)
  handle(@Payload() batch: EventBatch): Promise<BatchResult> {
    if (this.#log.failures > 0) {
      this.#log.failures -= 1;
      return Promise.reject(new Error("the node does not answer"));
    }
    this.#log.entries.push(...batch.messages.map(({ value }) => value?.toString() ?? ""));
    return Promise.resolve({ done: everyOffset(batch) });
  }
}

@Controller()
class Wrong {
  @EventPattern(freshetBatch)
  handle(@Payload() batch: EventBatch): number {
    return batch.messages.length;
  }
}

@Module({})
class Empty {}

function moduleOf(log: Log, controllers: DynamicModule["controllers"]): DynamicModule {
  return {
    module: Empty,
    controllers: controllers ?? [],
    providers: [{ provide: Log, useValue: log }, Client],
  };
}

function consumerOf(topic: string, errors: unknown[]): BatchConsumer {
  return new BatchConsumer({
    kafka: testKafka(),
    groupId: consumerGroupId(uniqueName("test"), "profiles"),
    topics: [topic],
    longestHardTtlMs: () => hourMs,
    hooks: {
      topology: () => "ab12cd34",
      missed: () => ({}),
      onAssigned: () => undefined,
      onRevoked: () => undefined,
      onGap: () => undefined,
      onFailure: ({ error }) => {
        errors.push(error);
      },
    },
  });
}

test("a batch reaches the Nest handler, a failure of it keeps the offset, and clients close after the consumer", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const log = new Log();
  const errors: unknown[] = [];
  log.failures = 2;
  const consumer = consumerOf(topic, errors);
  const app = await NestFactory.createMicroservice(moduleOf(log, [Batches]), {
    strategy: new FreshetServer([consumer]),
    logger: false,
  });
  await app.listen();
  await publish(topic, numbered("v", 0, 3));
  await waitFor(() => log.entries.length === 3, { timeoutMs: 20_000, describe: "the events" });
  expect(log.entries).toEqual(["v0", "v1", "v2"]);
  expect(errors).toEqual([new Error("the node does not answer"), new Error("the node does not answer")]);
  await app.close();
  expect(log.entries.at(-1)).toBe("client closed");
  expect(consumer.state).toBe("closed");
  expect((await committed(consumer.groupId, topic)).offset).toBe("3");
});

test("an application without a batch handler does not start", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const app = await NestFactory.createMicroservice(moduleOf(new Log(), []), {
    strategy: new FreshetServer([consumerOf(topic, [])]),
    logger: false,
  });
  await expect(app.listen()).rejects.toMatchObject({ code: "KAFKA_HANDLER_INVALID" });
  await app.close();
});

test("a handler that returns something else commits nothing", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const errors: unknown[] = [];
  const consumer = consumerOf(topic, errors);
  const app = await NestFactory.createMicroservice(moduleOf(new Log(), [Wrong]), {
    strategy: new FreshetServer([consumer]),
    logger: false,
  });
  await app.listen();
  await publish(topic, ["a"]);
  await waitFor(() => errors.length > 0, { timeoutMs: 20_000, describe: "the failure" });
  expect(errors[0]).toMatchObject({ code: "KAFKA_HANDLER_INVALID" });
  await app.close();
  expect((await committed(consumer.groupId, topic)).offset).not.toBe("1");
});

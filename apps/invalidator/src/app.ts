import { createEventPublisher, createKafka, DeadLetters, type KafkaLog } from "@freshet/kafka";
import { FreshetServer } from "@freshet/kafka/nest";
import { createHealth, createLogger, createMetrics, type Logger } from "@freshet/observability";
import { NestLogger } from "@freshet/observability/nest";
import {
  type DynamicModule,
  type INestApplication,
  Module,
  type OnApplicationShutdown,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { MicroserviceOptions } from "@nestjs/microservices";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import type { InvalidatorConfig } from "./config.ts";
import { loadManifests } from "./manifests/load.ts";
import { addPoolChecks } from "./operator/checks.ts";
import { addPoolGauges, invalidatorMetrics } from "./operator/metrics.ts";
import { logOwners } from "./operator/report.ts";
import { HEALTH, METRICS, OperatorController } from "./operator/operator.controller.ts";
import { InvalidationConsumer } from "./pipeline/consume.ts";
import { Owners } from "./owners/owners.ts";
import { createPools, PoolPipelines } from "./pools.ts";

/** Closes what the batch handler needs, in the one hook that Nest runs after the consumers have stopped. */
class ClientsAtShutdown implements OnApplicationShutdown {
  readonly #close: () => Promise<void>;

  constructor(close: () => Promise<void>) {
    this.#close = close;
  }

  onApplicationShutdown(): Promise<void> {
    return this.#close();
  }
}

@Module({})
class InvalidatorModule {}

/**
 * Puts the invalidator together; `start` listens and joins the consumer groups.
 * @throws FreshetError MANIFEST_INVALID, CACHE_NODES_INVALID
 */
export async function createInvalidator(
  config: InvalidatorConfig,
): Promise<{ start(): Promise<void>; nest: INestApplication }> {
  const logger = createLogger({ name: "invalidator", level: config.logLevel, pretty: config.prettyLogs });
  const kafkaLog = logKafka(logger);
  const metrics = createMetrics();
  const health = createHealth();
  const kafka = createKafka({ ...config.kafka, clientId: "freshet-invalidator" }, kafkaLog);
  const publisher = createEventPublisher(kafka);
  const pools = createPools(config, await loadManifests(config.manifestsDir), {
    letters: new DeadLetters(publisher),
    owners: new Owners(config.refresh, logOwners(logger)),
    metrics: invalidatorMetrics(metrics),
    logger,
    kafkaLog,
  });
  addPoolGauges(metrics, pools);
  addPoolChecks(health, pools);
  const clients = new ClientsAtShutdown(async () => {
    await Promise.all(pools.all.map(({ watch }) => watch.stop()));
    await publisher.close();
    for (const { nodes, refreshed } of pools.all) for (const one of [nodes, refreshed]) one.close();
    logger.info("invalidator stopped");
  });

  const module: DynamicModule = {
    module: InvalidatorModule,
    controllers: [InvalidationConsumer, OperatorController],
    providers: [
      { provide: PoolPipelines, useValue: pools },
      { provide: METRICS, useValue: metrics },
      { provide: HEALTH, useValue: health },
      { provide: ClientsAtShutdown, useValue: clients },
    ],
  };
  // A scraper's idle connection must not hold up a stop: Node keeps it for 72 s.
  const adapter = new FastifyAdapter({ forceCloseConnections: true });
  const nest = await NestFactory.create(module, adapter, { logger: new NestLogger(logger) });
  nest.connectMicroservice<MicroserviceOptions>(
    { strategy: new FreshetServer(pools.all.map(({ consumer }) => consumer)) },
    { inheritAppConfig: true },
  );
  nest.enableShutdownHooks();
  return {
    nest,
    start: async () => {
      await nest.startAllMicroservices();
      for (const { watch } of pools.all) watch.start();
      await nest.listen(config.port, "0.0.0.0");
      logger.info(
        { port: config.port, pools: pools.all.map(({ name }) => name) },
        "invalidator is listening",
      );
    },
  };
}

/** kafkajs logs at error what it then retries: one level lower, so that an error line means work for somebody. */
function logKafka(logger: Logger): KafkaLog {
  const lower = { error: "warn", warn: "info", info: "debug", debug: "trace" } as const;
  return (level, message, details) => {
    logger[lower[level]]({ kafka: details }, message);
  };
}

import { controlTopic } from "@freshet/inspect";
import { createEventPublisher, createKafka, DeadLetters, GroupWatch, type KafkaLog } from "@freshet/kafka";
import {
  createHealth,
  createLogger,
  createMetrics,
  type Logger,
  type Stoppable,
} from "@freshet/observability";
import { NestLogger } from "@freshet/observability/nest";
import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  type INestApplication,
  Module,
  type OnApplicationShutdown,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { MicroserviceOptions } from "@nestjs/microservices";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { AdminActions } from "./admin/actions.ts";
import { createAdminServer } from "./admin/admin-server.ts";
import type { InvalidatorConfig } from "./config.ts";
import { ControlLog } from "./control/control-log.ts";
import { Pauses } from "./control/pauses.ts";
import { loadManifests } from "./manifests/load.ts";
import { ManifestReload } from "./manifests/reload.ts";
import { refuseMissingTopics } from "./manifests/topics.ts";
import { addManifestCheck, addPoolChecks } from "./operator/checks.ts";
import { ExplainController } from "./operator/explain.controller.ts";
import { Explainer } from "./operator/explainer.ts";
import { addGroupGauges } from "./operator/group-metrics.ts";
import { addManifestGauge, addPoolGauges, invalidatorMetrics } from "./operator/metrics.ts";
import { HEALTH, METRICS, OperatorController } from "./operator/operator.controller.ts";
import { logOwners, reportReloads } from "./operator/report.ts";
import { Owners } from "./owners/owners.ts";
import { LivePage } from "./page/live-page.ts";
import { PageController } from "./page/page.controller.ts";
import { PageFiles } from "./page/page-files.ts";
import { InvalidationConsumer } from "./pipeline/consume.ts";
import { PoolPipelines } from "./pools.ts";

/** What is ended before the consumers stop, and what the batch handler needs until then. */
class AtShutdown implements BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #before: () => Promise<void>;
  readonly #after: () => Promise<void>;

  constructor(hooks: { before: () => Promise<void>; after: () => Promise<void> }) {
    this.#before = hooks.before;
    this.#after = hooks.after;
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.#before();
  }

  onApplicationShutdown(): Promise<void> {
    return this.#after();
  }
}

@Module({})
class InvalidatorModule {}

/** The invalidator, wired; nothing is connected yet. */
export interface Invalidator extends Stoppable {
  /** Listens and joins the consumer groups. */
  start(): Promise<void>;
  readonly nest: INestApplication;
  /** Resolves when a consumer has given up for good. */
  readonly givenUp: Promise<unknown>;
}

/**
 * Puts the invalidator together; `start` listens and joins the consumer groups.
 * @throws FreshetError MANIFEST_INVALID, CACHE_NODES_INVALID
 */
export async function createInvalidator(config: InvalidatorConfig): Promise<Invalidator> {
  const logger = createLogger({ name: "invalidator", level: config.logLevel, pretty: config.prettyLogs });
  const kafkaLog = logKafka(logger);
  const metrics = createMetrics();
  const health = createHealth();
  const kafka = createKafka({ ...config.kafka, clientId: "freshet-invalidator" }, kafkaLog);
  const publisher = createEventPublisher(kafka);
  const counted = invalidatorMetrics(metrics);
  const pauses = new Pauses();
  let onGivenUp: (error: unknown) => void = () => undefined;
  const givenUp = new Promise<unknown>((resolve) => {
    onGivenUp = resolve;
  });
  const pools = new PoolPipelines({
    config,
    pauses,
    onGivenUp,
    letters: new DeadLetters(publisher),
    owners: new Owners(config.refresh, logOwners(logger)),
    metrics: counted,
    logger,
    kafkaLog,
  });
  const manifests = await loadManifests(config.manifestsDir);
  await pools.apply(manifests);
  const reload = new ManifestReload({
    folder: config.manifestsDir,
    running: manifests,
    apply: async (changed) => {
      await refuseMissingTopics(kafka, changed, pools.topics);
      await pools.apply(changed);
    },
    onEvent: reportReloads(counted, logger),
  });
  const control = new ControlLog({
    kafka,
    publisher,
    topic: controlTopic(config.deployment),
    onRecord: (record) => {
      actions.apply(record);
    },
    onKnown: () => {
      pauses.known();
    },
    onFailure: (error) => {
      logger.warn({ error: String(error) }, "the control topic can't be read: no pause is heard of");
    },
  });
  const actions = new AdminActions({ pools, pauses, log: control, logger });
  const admin = config.admin && (await createAdminServer(actions, config.admin.token, logger));
  const explainer = new Explainer(config, pools, kafka);
  const groups = new GroupWatch({
    admin: kafka.admin(),
    groups: () => pools.all.map(({ consumer: { groupId, topics } }) => ({ groupId, topics })),
    onFailure: (error) => {
      logger.warn({ error: String(error) }, "the broker did not say how the consumer groups stand");
    },
  });
  const live = new LivePage({
    pools,
    reload,
    groups,
    metrics: counted,
    logger,
    deployment: config.deployment,
    serviceUrl: config.refresh.serviceUrl,
    auditorUrl: config.auditorUrl,
  });
  addPoolGauges(metrics, pools);
  addGroupGauges(metrics, pools, groups);
  addManifestGauge(metrics, reload);
  addPoolChecks(health, pools);
  addManifestCheck(health, reload);
  const atShutdown = new AtShutdown({
    before: async () => {
      const unwatched = pools.stopWatching(); // before the pauses end: nothing is caught up by their end
      pauses.close();
      await Promise.all([
        unwatched,
        admin?.close(),
        control.stop(),
        reload.stop(),
        groups.stop(),
        explainer.close(),
        live.stop(),
      ]);
    },
    after: async () => {
      await pools.close();
      await publisher.close();
    },
  });

  const module: DynamicModule = {
    module: InvalidatorModule,
    controllers: [InvalidationConsumer, OperatorController, ExplainController, PageController],
    providers: [
      { provide: PoolPipelines, useValue: pools },
      { provide: ManifestReload, useValue: reload },
      { provide: GroupWatch, useValue: groups },
      { provide: Explainer, useValue: explainer },
      { provide: LivePage, useValue: live },
      { provide: PageFiles, useValue: new PageFiles() },
      { provide: METRICS, useValue: metrics },
      { provide: HEALTH, useValue: health },
      { provide: AtShutdown, useValue: atShutdown },
    ],
  };
  // A scraper's idle connection must not hold up a stop: Node keeps it for 72 s.
  const adapter = new FastifyAdapter({ forceCloseConnections: true });
  const nest = await NestFactory.create(module, adapter, { logger: new NestLogger(logger) });
  nest.connectMicroservice<MicroserviceOptions>({ strategy: pools.server }, { inheritAppConfig: true });
  return {
    nest,
    givenUp,
    logger,
    timeoutMs: config.stopTimeoutMs,
    stop: () => nest.close(),
    unfinished: () => pools.unfinished,
    start: async () => {
      control.start();
      await nest.startAllMicroservices();
      pools.watchNodes();
      groups.start();
      reload.start();
      live.start();
      process.on("SIGHUP", () => {
        reload.check();
      });
      if (config.admin && admin) await admin.listen(config.admin.port, config.admin.host);
      else logger.info("ADMIN_TOKEN is not set: the admin port is closed");
      await nest.listen(config.port, config.host);
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

import { CachePool, MetaDriver } from "@freshet/cache";
import { readManifestsFolder } from "@freshet/config";
import { type ChangeEvent, FreshetError } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { consumerGroupId, createKafka } from "@freshet/kafka";
import { createHealth, createLogger, createMetrics, type Stoppable } from "@freshet/observability";
import { NestLogger } from "@freshet/observability/nest";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { Auditor, type Ended } from "./audit/auditor.ts";
import type { Appended } from "./audit/checks-of.ts";
import { Tally } from "./audit/tally.ts";
import { Violations } from "./audit/violations.ts";
import type { AuditorConfig } from "./config.ts";
import { readEvents } from "./consume.ts";
import { auditorMetrics } from "./operator/metrics.ts";
import { type Operator, OPERATOR, OperatorController } from "./operator/operator.controller.ts";
import { statusOf } from "./operator/status.ts";

/** How long a node and an owner may take, in ms. */
const nodeTimeoutMs = 500;
const ownerTimeoutMs = 2_000;
/** The last part of the auditor's group id, where a pool's has its name. */
const groupName = "auditor";

@Module({})
class AuditorModule {}

/**
 * Puts the auditor together; `start` listens and joins its consumer group.
 * @throws FreshetError MANIFEST_INVALID, CACHE_NODES_INVALID
 */
export async function createAuditor(config: AuditorConfig): Promise<Stoppable & { start(): Promise<void> }> {
  const logger = createLogger({ name: "auditor", level: config.logLevel, pretty: config.prettyLogs });
  const { sources, pools: settings } = await readManifestsFolder(config.manifestsDir);
  if (Object.hasOwn(settings, groupName))
    throw new FreshetError(
      "MANIFEST_INVALID",
      `a pool is called ${groupName}: both would have one consumer group`,
    );
  const graph = compile(sources, settings);
  const pools = new Map(
    Object.entries(settings).map(([name, pool]) => {
      const lists = {
        nodes: pool.nodes,
        previousNodes: pool.previousNodes,
        nodeOf: pool.nodeOf,
        ...config.nodesOf(name),
      };
      return [
        name,
        new CachePool(lists, (node, limits) => new MetaDriver(node, limits), { timeoutMs: nodeTimeoutMs }),
      ];
    }),
  );
  const kafka = createKafka({ ...config.kafka, clientId: "freshet-auditor" }, (level, message, details) => {
    logger[level === "error" ? "warn" : "debug"]({ kafka: details }, message);
  });
  const admin = kafka.admin();
  const violations = new Violations(admin, config.deployment, pools);
  const tally = new Tally();
  const metrics = createMetrics();
  const auditor = new Auditor({
    graph,
    pools,
    owners: { serviceUrl: config.serviceUrl, token: config.token, timeoutMs: ownerTimeoutMs },
    sampleRate: config.sampleRate,
    horizonsMs: config.horizonsMs,
    mostPending: config.mostPending,
    onEnded,
  });
  const counted = auditorMetrics(metrics, () => auditor.pending);
  const groupId = consumerGroupId(config.deployment, groupName);
  const topics = [...new Set(graph.events.map(({ topic }) => topic))];
  const source = readEvents(kafka, groupId, topics, onEvent);

  function onEvent(event: ChangeEvent | undefined, at: Appended): void {
    const result = event === undefined ? "undecodable" : auditor.onEvent(event, at);
    counted.events.inc({ topic: at.topic, result });
  }

  async function onEnded(ended: readonly Ended[]): Promise<void> {
    for (const one of ended) {
      const { check, horizonMs, verdict, owner } = one;
      tally.add(one, verdict);
      counted.checks.inc({ pool: check.pool, view: check.view, horizon: String(horizonMs / 1_000), verdict });
      if (verdict === "unconfirmed")
        logger.warn(
          { key: check.key, pool: check.pool, owner: typeof owner === "string" ? owner : owner?.versions },
          "a value looks older than an event, and its owner does not confirm it",
        );
    }
    for (const found of await violations.add(ended, Date.now()))
      logger.error(found, "readers are given an old value");
  }

  const health = createHealth();
  health.live.add("consumer", () =>
    source.isAlive()
      ? { ok: true }
      : { ok: false, detail: "the consumer has given up: restart this process" },
  );
  health.ready.add("consumer", () =>
    source.isReading() ? { ok: true } : { ok: false, detail: "the consumer has not joined its group" },
  );
  const operator: Operator = {
    metrics,
    health,
    status: () =>
      statusOf(
        {
          group: groupId,
          isReading: source.isReading(),
          sampleRate: config.sampleRate,
          horizonsSeconds: config.horizonsMs.map((ms) => ms / 1_000),
          pending: auditor.pending,
        },
        tally.shares,
        violations.last,
      ),
  };
  const nest = await NestFactory.create(
    {
      module: AuditorModule,
      controllers: [OperatorController],
      providers: [{ provide: OPERATOR, useValue: operator }],
    },
    new FastifyAdapter({ forceCloseConnections: true }),
    { logger: new NestLogger(logger) },
  );
  return {
    logger,
    timeoutMs: config.stopTimeoutMs,
    unfinished: () => undefined,
    start: async () => {
      auditor.start();
      await nest.listen(config.port, config.host);
      logger.info({ port: config.port, topics, horizonsMs: config.horizonsMs }, "auditor is listening");
      await source.start();
    },
    stop: async () => {
      await source.stop();
      await auditor.stop();
      await admin.disconnect();
      for (const pool of pools.values()) pool.close();
      await nest.close();
    },
  };
}

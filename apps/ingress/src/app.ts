import { readManifestsFolder } from "@freshet/config";
import { FreshetError } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import {
  answerUnparsable,
  answerUnroutable,
  closeConnectionsWhenStopping,
  HEALTH,
  METRICS,
  ProbesController,
  Routes,
} from "@freshet/http";
import { createEventPublisher, createKafka } from "@freshet/kafka";
import { createHealth, createLogger, createMetrics, type Stoppable } from "@freshet/observability";
import { NestLogger } from "@freshet/observability/nest";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { publishedBy } from "./check-events.ts";
import { type IngressConfig } from "./config.ts";
import { Door } from "./door.ts";
import { EventsController, type Ingress, INGRESS } from "./events.controller.ts";
import { GroupPublisher } from "./group-publisher.ts";
import { ingressMetrics, resultOf } from "./metrics.ts";
import { ProblemFilter } from "./problem.filter.ts";
import { contentTypes } from "./read-request.ts";

/** The whole body of a request, whatever it bears. */
const maxBodyBytes = 1_048_576;
/** How long a broker may take to answer the readiness probe, in ms. */
const pingTimeoutMs = 900;
const path = "/events";

@Module({})
class IngressModule {}

/**
 * Puts the ingress together; `start` listens. The broker may be down, `/health/ready` tells.
 * @throws FreshetError MANIFEST_INVALID, EVENT_INVALID when a token names a type that no manifest publishes
 */
export async function createIngress(
  config: IngressConfig,
): Promise<Stoppable & { start(): Promise<{ readonly url: string }> }> {
  const logger = createLogger({ name: "ingress", level: config.logLevel, pretty: config.prettyLogs });
  const { sources, pools } = await readManifestsFolder(config.manifestsDir);
  compile(sources, pools); // refuses what the invalidator would refuse
  const published = publishedBy(sources.map(({ manifest }) => manifest));
  const unknown = config.tokens.unknownTypes(new Set(published.keys()));
  if (unknown.length > 0)
    throw new FreshetError(
      "MANIFEST_INVALID",
      `INGRESS_TOKENS names ${unknown.join(", ")}, which no manifest of ${config.manifestsDir} publishes`,
    );
  const kafka = createKafka({ ...config.kafka, clientId: "freshet-ingress" }, (_level, message, details) => {
    logger.debug({ kafka: details }, message); // kafkajs logs as an error what it then retries
  });
  const sender = createEventPublisher(kafka, { timeoutMs: config.publishTimeoutMs });
  const publisher = new GroupPublisher(sender);
  const metrics = createMetrics();
  const counted = ingressMetrics(metrics, () => publisher.events);
  const health = createHealth();
  health.ready.add("kafka", async () => {
    await sender.ping({ signal: AbortSignal.timeout(pingTimeoutMs) });
    return { ok: true };
  });
  const door = new Door(config.tokens, config.eventsPerMinute, () => performance.now());
  const ingress: Ingress = { door, published, publisher, metrics: counted, maxBatch: config.maxBatch };

  const adapter = new FastifyAdapter({
    bodyLimit: maxBodyBytes,
    requestTimeout: 30_000,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerUnparsable,
  });
  const fastify = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser([...contentTypes], { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });
  closeConnectionsWhenStopping(adapter);
  const routes = new Routes(adapter);
  fastify.addHook("onRequest", (request, _reply, done) => {
    if (request.routeOptions.url === path && request.method === "POST") door.admit(request.raw);
    done();
  });
  fastify.addHook("onResponse", (request, reply, done) => {
    if (request.routeOptions.url === path) {
      const result = resultOf(reply.statusCode);
      counted.requests.inc({ result });
      if (result === "accepted") counted.seconds.observe(reply.elapsedTime / 1_000);
    }
    done();
  });
  const nest = await NestFactory.create<NestFastifyApplication>(
    {
      module: IngressModule,
      controllers: [EventsController, ProbesController],
      providers: [
        { provide: INGRESS, useValue: ingress },
        { provide: HEALTH, useValue: health },
        { provide: METRICS, useValue: metrics },
      ],
    },
    adapter,
    { bodyParser: false, logger: new NestLogger(logger), abortOnError: false },
  );
  nest.useGlobalFilters(new ProblemFilter(logger, maxBodyBytes));
  return {
    logger,
    timeoutMs: config.stopTimeoutMs,
    unfinished: () => (publisher.events === 0 ? undefined : { events: publisher.events }),
    start: async () => {
      await nest.init();
      routes.refuseOtherMethods();
      await nest.listen(config.port, config.host);
      const url = await nest.getUrl();
      logger.info({ url, types: [...published.keys()] }, "ingress is listening");
      return { url };
    },
    stop: async () => {
      await nest.close();
      await sender.close();
    },
  };
}

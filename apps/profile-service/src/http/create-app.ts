import { answerUnparsable, answerUnroutable, closeConnectionsWhenStopping, Routes } from "@freshet/http";
import { type Logger } from "@freshet/observability";
import { NestLogger } from "@freshet/observability/nest";
import { type DynamicModule } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { ProblemFilter } from "./problem.filter.ts";
import { limitRate } from "./rate-limit.ts";
import { SchemaPipe } from "./schema.pipe.ts";
import { keepTraces } from "./trace.ts";

// Longer ids must reach the handler, which says what is wrong with them; Fastify's own limit of 100 answers 404.
const maxParamLength = 16_384;

interface Limits {
  readonly bodyLimitBytes?: number;
  /** Of one address; 0: any number. */
  readonly requestsPerMinute?: number;
  /** Addresses and networks, separated by commas, whose X-Forwarded-For is believed. */
  readonly trustedProxies?: string;
}

/** A server that does not listen yet. */
export interface HttpServer {
  readonly app: NestFastifyApplication;
  /** Answers its URL. */
  listen(port: number, host: string): Promise<string>;
}

/** A Nest application on Fastify whose every answer to a bad request is problem details. */
export async function createApp(
  module: DynamicModule,
  logger: Logger,
  { bodyLimitBytes = 65_536, requestsPerMinute = 0, trustedProxies = "" }: Limits = {},
): Promise<HttpServer> {
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    requestTimeout: 30_000,
    ...(trustedProxies === "" ? {} : { trustProxy: trustedProxies }),
    routerOptions: { maxParamLength },
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerUnparsable,
  });
  const fastify = adapter.getInstance();
  // Fastify reads it as well, and a schema would then say of a text that it must be an object.
  fastify.removeContentTypeParser("text/plain");
  fastify.addContentTypeParser(
    "application/merge-patch+json",
    { parseAs: "string" },
    fastify.getDefaultJsonParser("error", "error"),
  );
  closeConnectionsWhenStopping(adapter);
  keepTraces(adapter);
  const routes = new Routes(adapter);
  // Fastify's own parsers are enough: Nest's would take form bodies as well.
  const options = { bodyParser: false, logger: new NestLogger(logger), abortOnError: false } as const;
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, options);
  app.useGlobalPipes(new SchemaPipe());
  app.useGlobalFilters(new ProblemFilter(logger));
  if (requestsPerMinute > 0) await limitRate(app, requestsPerMinute);
  return {
    app,
    async listen(port, host) {
      await app.init();
      routes.refuseOtherMethods();
      await app.listen(port, host);
      return await app.getUrl();
    },
  };
}

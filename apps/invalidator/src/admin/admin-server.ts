import { BearerToken, type Logger } from "@freshet/observability";
import { NestLogger } from "@freshet/observability/nest";
import { type INestApplication, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { AdminActions } from "./actions.ts";
import { AdminController, AdminGuard } from "./admin.controller.ts";
import { AdminProblemFilter } from "./problem.filter.ts";

@Module({})
class AdminModule {}

/** The admin port, a server of its own: nobody who reaches the read-only one reaches this one with it. */
export async function createAdminServer(
  actions: AdminActions,
  token: string,
  logger: Logger,
): Promise<INestApplication> {
  const adapter = new FastifyAdapter({ forceCloseConnections: true, bodyLimit: 4_096 });
  const module = {
    module: AdminModule,
    controllers: [AdminController],
    providers: [
      AdminGuard,
      { provide: AdminActions, useValue: actions },
      { provide: BearerToken, useValue: new BearerToken(token) },
    ],
  };
  const app = await NestFactory.create(module, adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  app.useGlobalFilters(new AdminProblemFilter(logger));
  return app;
}

import { ReadThroughCache } from "@freshet/cache";
import { type Health, type Logger, type Metrics } from "@freshet/observability";
import { createOutbox } from "@freshet/outbox";
import { NestOutboxRelay } from "@freshet/outbox/nest";
import { type DynamicModule, Inject, Injectable, Module, type OnApplicationShutdown } from "@nestjs/common";
import { sql } from "drizzle-orm";
import { AfterCommit } from "./after-commit.ts";
import { type Broker, connectBroker } from "./broker.ts";
import { addTopologyGauge, observeCache } from "./cache-metrics.ts";
import { type ProfileServiceConfig } from "./config.ts";
import { Database } from "./database.ts";
import { TeamsController } from "./teams/teams.controller.ts";
import { viewLoaders } from "./view-loaders.ts";
import { VIEW_LOADERS, ViewReader } from "./view-reader.ts";
import { DocsController } from "./http/docs.controller.ts";
import { manifest } from "./views.ts";
import { IdempotencyKeys } from "./profiles/idempotency-keys.ts";
import { ProfilesController } from "./profiles/profiles.controller.ts";
import { ProfilesRepository } from "./profiles/profiles.repository.ts";
import { OUTBOX, ProfilesService } from "./profiles/profiles.service.ts";
import { OwnKeys } from "./own-keys.ts";
import { observeRelay } from "./relay-metrics.ts";

const BROKER = Symbol("broker");

/** What both servers of the process use. */
export interface Shared {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}

/** Closes what the others need, in this order, after the last request was answered. */
@Injectable()
class Connections implements OnApplicationShutdown {
  readonly #relay: NestOutboxRelay | null;
  readonly #broker: Broker;
  readonly #cache: ReadThroughCache;
  readonly #ownKeys: OwnKeys;
  readonly #database: Database;

  constructor(
    @Inject(NestOutboxRelay) relay: NestOutboxRelay | null,
    @Inject(BROKER) broker: Broker,
    cache: ReadThroughCache,
    ownKeys: OwnKeys,
    database: Database,
  ) {
    this.#relay = relay;
    this.#broker = broker;
    this.#cache = cache;
    this.#ownKeys = ownKeys;
    this.#database = database;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#relay?.stop();
    await this.#broker.publisher.close();
    this.#cache.close();
    this.#ownKeys.close();
    await this.#database.close();
  }
}

/** The public server: the write path and the reads, wired. */
@Module({})
export class AppModule {
  static with(config: ProfileServiceConfig, { logger, metrics, health }: Shared): DynamicModule {
    const limits = { timeoutMs: config.memcachedTimeoutMs };
    addTopologyGauge(metrics, config.pools);
    return {
      module: AppModule,
      controllers: [ProfilesController, TeamsController, DocsController],
      providers: [
        ProfilesService,
        ProfilesRepository,
        IdempotencyKeys,
        ViewReader,
        { provide: VIEW_LOADERS, inject: [ProfilesRepository], useFactory: viewLoaders },
        Connections,
        {
          provide: Database,
          useFactory: () => {
            const database = new Database(config.databaseUrl, (error) => {
              logger.warn({ err: error }, "a database connection was lost");
            });
            health.ready.add("postgres", async () => {
              await database.primary.execute(sql`SELECT 1`);
              return { ok: true };
            });
            return database;
          },
        },
        { provide: BROKER, useFactory: () => connectBroker(config.kafka, logger) },
        {
          provide: OUTBOX,
          useFactory: () =>
            createOutbox({ source: manifest.service, relay: config.outboxRelay ? "on" : "off" }),
        },
        {
          provide: NestOutboxRelay,
          inject: [Database, BROKER],
          useFactory: (database: Database, broker: Broker) => {
            if (!config.outboxRelay) return null;
            const relay = new NestOutboxRelay({
              pool: database.pool,
              publish: (messages, options) => broker.publisher.publish(messages, options),
              ping: () => broker.ping(),
              on: observeRelay(metrics, logger),
            });
            // Never a reason to send requests elsewhere: writes go on while the outbox waits.
            health.ready.add("outbox", () => ({ ok: true, detail: relay.state }));
            return relay;
          },
        },
        {
          provide: ReadThroughCache,
          useFactory: () =>
            new ReadThroughCache({
              pools: config.pools,
              limits,
              on: observeCache(metrics, logger),
            }),
        },
        {
          provide: OwnKeys,
          useFactory: () => new OwnKeys(manifest, config.pools, { ...limits, logger }),
        },
        {
          provide: AfterCommit,
          inject: [NestOutboxRelay, OwnKeys],
          useFactory: (relay: NestOutboxRelay | null, ownKeys: OwnKeys) =>
            new AfterCommit(relay, config.writerDelete ? ownKeys : null, logger),
        },
      ],
    };
  }
}

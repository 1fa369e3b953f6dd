import { createHealth, createLogger, createMetrics, type Logger } from "@freshet/observability";
import { type RelayState } from "@freshet/outbox";
import { NestOutboxRelay } from "@freshet/outbox/nest";
import { AppModule } from "./app.module.ts";
import { type ProfileServiceConfig } from "./config.ts";
import { createApp } from "./http/create-app.ts";
import { InternalModule } from "./internal.module.ts";
import { logTrace } from "./http/trace.ts";
import { type ViewLoaders } from "./view-loaders.ts";
import { VIEW_LOADERS } from "./view-reader.ts";

// 100 ids of 1,024 bytes, each of which JSON may write as six.
const internalBodyLimitBytes = 1_048_576;

/** The service with both of its servers listening. */
export interface ProfileService {
  readonly url: string;
  readonly internalUrl: string;
  readonly logger: Logger;
  /** Answers the requests at hand, finishes the relay's batch, closes all connections. */
  close(): Promise<void>;
  /** How the relay stands while it has not stopped: its batch is rolled back when the process ends. */
  unfinished(): { relay: RelayState } | undefined;
}

/** Starts the service; servers that it depends on may be down, `/health/ready` tells. */
export async function startProfileService(config: ProfileServiceConfig): Promise<ProfileService> {
  const { logLevel: level, prettyLogs: pretty } = config;
  const logger = createLogger({ name: "profile-service", level, pretty, context: logTrace });
  const shared = { logger, metrics: createMetrics(), health: createHealth() };
  const { requestsPerMinute, trustedProxies } = config;
  const api = await createApp(AppModule.with(config, shared), logger, { requestsPerMinute, trustedProxies });
  const loaders = api.app.get<ViewLoaders>(VIEW_LOADERS);
  const internal = await createApp(
    InternalModule.with({ ...shared, loaders, token: config.internalToken }),
    logger,
    { bodyLimitBytes: internalBodyLimitBytes },
  );
  const relay = api.app.get<NestOutboxRelay | null>(NestOutboxRelay);
  const close = async (): Promise<void> => {
    await api.app.close();
    await internal.app.close();
  };
  const unfinished = () => (relay === null || relay.state === "stopped" ? undefined : { relay: relay.state });
  try {
    const url = await api.listen(config.port, config.host);
    const internalUrl = await internal.listen(config.internalPort, config.host);
    logger.info({ url, internalUrl }, "listening");
    return { url, internalUrl, close, unfinished, logger };
  } catch (error) {
    await close();
    throw error;
  }
}

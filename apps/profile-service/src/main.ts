import "reflect-metadata";
import { ConfigError } from "@freshet/config";
import { keepHeapSmall, stopOnSignal } from "@freshet/observability";
import { readConfig } from "./config.ts";
import { startProfileService } from "./service.ts";

keepHeapSmall();
try {
  const config = readConfig();
  const service = await startProfileService(config);
  stopOnSignal({
    stop: () => service.close(),
    unfinished: () => service.unfinished(),
    timeoutMs: config.stopTimeoutMs,
    logger: service.logger,
  });
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
}

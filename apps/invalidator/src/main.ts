import "reflect-metadata";
import { ConfigError } from "@freshet/config";
import { FreshetError } from "@freshet/contracts";
import { endOnFailure, keepHeapSmall, stopOnSignal } from "@freshet/observability";
import { createInvalidator } from "./app.ts";
import { readConfig } from "./config.ts";

keepHeapSmall();
try {
  const config = readConfig();
  const app = await createInvalidator(config);
  stopOnSignal(app);
  endOnFailure(app, { failed: app.givenUp, graceMs: config.crashExitMs });
  await app.start();
} catch (error) {
  const explained = error instanceof ConfigError || error instanceof FreshetError;
  console.error(`invalidator cannot start: ${explained ? error.message : String(error)}`);
  if (error instanceof FreshetError) console.error(error.remedy);
  if (!explained) console.error(error);
  process.exit(1);
}

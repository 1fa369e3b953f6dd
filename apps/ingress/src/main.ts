import "reflect-metadata";
import { ConfigError } from "@freshet/config";
import { FreshetError } from "@freshet/contracts";
import { stopOnSignal } from "@freshet/observability";
import { createIngress } from "./app.ts";
import { readConfig } from "./config.ts";

try {
  const app = await createIngress(readConfig());
  stopOnSignal(app);
  await app.start();
} catch (error) {
  const explained = error instanceof ConfigError || error instanceof FreshetError;
  console.error(`ingress cannot start: ${explained ? error.message : String(error)}`);
  if (error instanceof FreshetError) console.error(error.remedy);
  if (!explained) console.error(error);
  process.exit(1);
}

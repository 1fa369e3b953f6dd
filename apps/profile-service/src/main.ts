import "reflect-metadata";
import { ConfigError } from "@freshet/config";
import { readConfig } from "./config.ts";
import { startProfileService } from "./service.ts";

try {
  const service = await startProfileService(readConfig());
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      void service.close();
    });
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
}

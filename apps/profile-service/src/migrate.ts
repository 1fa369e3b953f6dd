import { ConfigError } from "@freshet/config";
import { readDatabaseUrl } from "./config.ts";
import { migrate } from "./migrations.ts";

// The one-shot entry: applies the migrations to the database of DATABASE_URL and ends.
try {
  await migrate(readDatabaseUrl());
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
}

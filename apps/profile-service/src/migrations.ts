import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import { Database } from "./database.ts";

const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url));

/** Brings a database to this version's schema. Several may run at once: one works, the others wait for it. */
export async function migrate(databaseUrl: string): Promise<void> {
  const database = new Database(databaseUrl, () => undefined);
  try {
    await database.primary.transaction(async (lock) => {
      await lock.execute(sql`SELECT pg_advisory_xact_lock(1718776680, 0)`);
      await applyMigrations(database.primary, { migrationsFolder });
    });
  } finally {
    await database.close();
  }
}

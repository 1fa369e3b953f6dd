import { sql } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Pool } from "pg";

/** An open transaction. */
export type Transaction = Parameters<Parameters<NodePgDatabase["transaction"]>[0]>[0];

/**
 * The primary. Every limit is the client's own or local to a transaction: PgBouncer in transaction mode refuses or
 * forgets settings of a session.
 */
export class Database {
  readonly pool: Pool;
  readonly primary: NodePgDatabase;

  /** `onLost` hears of a connection that ended while nobody used it. */
  constructor(databaseUrl: string, onLost: (error: Error) => void) {
    this.pool = new Pool({
      connectionString: databaseUrl,
      max: 20,
      connectionTimeoutMillis: 5_000,
      query_timeout: 15_000,
    });
    this.pool.on("error", onLost);
    // A connection can be lost between two statements of a transaction. The next statement rejects; but without
    // this listener the process would already have ended.
    this.pool.on("connect", (client) => {
      client.on("error", () => undefined);
    });
    this.primary = drizzle(this.pool);
  }

  /**
   * Runs `work` in a transaction that waits at most 5 s for a row and that a frozen process holds at most 10 s. It
   * says that it writes its events itself, should the outbox's triggers be installed for those who do not.
   */
  async transaction<Answer>(work: (tx: Transaction) => Promise<Answer>): Promise<Answer> {
    return await this.primary.transaction(async (tx) => {
      await tx.execute(sql`SELECT set_config('lock_timeout', '5000', true),
        set_config('idle_in_transaction_session_timeout', '10000', true),
        set_config('freshet.outbox', 'service', true)`);
      return await work(tx);
    });
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

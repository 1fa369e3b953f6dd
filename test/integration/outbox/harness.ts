import { readFileSync } from "node:fs";
import { defineChangeEvent } from "@freshet/contracts";
import {
  createOutbox,
  type OutboxMessage,
  OutboxRelay,
  type RelayEvent,
  type RelayOptions,
} from "@freshet/outbox";
import pg from "pg";
import { z } from "zod";
import { freshDatabase } from "../../support/database.ts";

const schema = readFileSync(new URL("../../../libs/outbox/src/schema.sql", import.meta.url), "utf8");

const NoteChanged = defineChangeEvent({
  type: "NoteChanged",
  entity: "note",
  topic: "note.events.v1",
  fields: ["text"],
  routing: z.object({ owner: z.string() }),
});

const outbox = createOutbox({ source: "notes" });

/** A database with an outbox, and what the relays of a test published. */
export class Harness implements AsyncDisposable {
  readonly pool: pg.Pool;
  readonly events: RelayEvent[] = [];
  readonly log: OutboxMessage[] = [];
  readonly #relays: OutboxRelay[] = [];

  private constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  /** On a database that has no outbox yet. */
  static async open(databaseUrl?: string): Promise<Harness> {
    const harness = Harness.on(databaseUrl ?? (await freshDatabase()));
    await harness.pool.query(schema);
    return harness;
  }

  /** On a database whose migrations have made the outbox. */
  static on(databaseUrl: string): Harness {
    const pool = new pg.Pool({ connectionString: databaseUrl, query_timeout: 30_000 });
    // A server that is stopped ends idle connections as well.
    pool.on("error", () => undefined);
    return new Harness(pool);
  }

  /** A relay that publishes to `log` and polls often enough for a test. */
  relay(options: Partial<RelayOptions> = {}): OutboxRelay {
    const relay = new OutboxRelay({
      pool: this.pool,
      publish: (messages) => {
        this.log.push(...messages);
        return Promise.resolve(messages.map(() => "published" as const));
      },
      ping: () => Promise.resolve(),
      on: (event) => this.events.push(event),
      pollIntervalMs: 100,
      ...options,
    });
    this.#relays.push(relay);
    return relay;
  }

  /** Commits one event. */
  async add(id: string, version: number): Promise<void> {
    await this.transaction((tx) => add(tx, id, version));
  }

  async transaction(work: (tx: pg.PoolClient) => Promise<unknown>): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query("BEGIN");
      await work(client);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  }

  /** What was published, as `id@version` in order. */
  published(): string[] {
    return this.log.map(({ value }) => {
      const { subject, data } = JSON.parse(value) as { subject: string; data: { version: number } };
      return `${subject}@${data.version}`;
    });
  }

  /** Where the relay that told it last stands. */
  get state(): string | undefined {
    return this.events.findLast((event) => event.type === "state")?.state;
  }

  /** Transactions of this database that are open and that nothing but a relay can have begun. */
  async openTransactions(): Promise<unknown[]> {
    const { rows } = await this.pool.query<{ state: string; query: string }>(
      `SELECT state, query FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
         AND query NOT LIKE 'INSERT%'`,
    );
    return rows;
  }

  async waiting(): Promise<number> {
    const { rows } = await this.pool.query<{ count: number }>("SELECT count(*)::int FROM outbox_events");
    return rows[0]?.count ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.stop()));
    await this.pool.end();
  }
}

/** Adds an event to an open transaction. */
export async function add(tx: pg.PoolClient, id: string, version: number): Promise<void> {
  await outbox.add(tx, NoteChanged, { id, version, before: null, after: { text: "", owner: "ada" } });
}

// The row and its event in one transaction, by pg and by drizzle.
import { createOutbox, drizzleTransaction } from "@freshet/outbox";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import type pg from "pg";
import { NoteChanged } from "./contract.ts";

export interface Note {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly ownerId: string;
}

const outbox = createOutbox({ source: "note-service" });

export async function createNote(
  pool: pg.Pool,
  { id, title, ownerId }: Omit<Note, "version">,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("INSERT INTO notes VALUES ($1, 1, $2, $3)", [id, title, ownerId]);
    await outbox.add(client, NoteChanged, { id, version: 1, before: null, after: { title, ownerId } });
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const notes = pgTable("notes", {
  id: text("id").primaryKey(),
  version: integer("version").notNull(),
  title: text("title").notNull(),
  ownerId: text("owner_id").notNull(),
});

export async function renameNote(pool: pg.Pool, id: string, title: string): Promise<void> {
  await drizzle(pool).transaction(async (tx) => {
    const [before] = await tx.select().from(notes).where(eq(notes.id, id)).for("update");
    if (!before) throw new Error(`there is no note ${id}`);
    const after = { ...before, title, version: before.version + 1 };
    await tx.update(notes).set(after).where(eq(notes.id, id));
    const { version } = after;
    await outbox.add(drizzleTransaction(tx, sql), NoteChanged, { id, version, before, after });
  });
}

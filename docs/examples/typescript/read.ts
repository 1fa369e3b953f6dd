// Reads through memcached; what is missing is loaded from the primary database.
import { ReadThroughCache, versioned } from "@freshet/cache";
import type pg from "pg";
import { note } from "./contract.ts";
import type { Note } from "./write.ts";

export function noteReader(pool: pg.Pool, nodes: string) {
  const cache = new ReadThroughCache({ pools: { notes: { nodes } }, limits: { timeoutMs: 2_000 } });
  const find = async (id: string) => {
    const { rows } = await pool.query<Note>(
      `SELECT id, version, title, owner_id AS "ownerId" FROM notes WHERE id = $1`,
      [id],
    );
    return versioned(rows[0]);
  };
  return {
    read: (noteId: string) => cache.read(note, { noteId }, () => find(noteId)),
    /** The writer's own delete after its commit: faster than the bus by milliseconds. */
    changed: (noteId: string) => cache.invalidate(note, { noteId }),
    close: () => {
      cache.close();
    },
  };
}

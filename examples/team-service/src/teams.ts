import { createOutbox } from "@freshet/outbox";
import type pg from "pg";
import { TeamChanged } from "./contract.ts";

/** A team as its table has it; name null: deleted. The row stays, since versions must never start over. */
export interface Team {
  readonly id: string;
  readonly name: string | null;
  readonly version: number;
}

const outbox = createOutbox({ source: "team-service" });

export async function findTeam(client: pg.Pool | pg.PoolClient, id: string): Promise<Team | undefined> {
  const { rows } = await client.query<Row>("SELECT id, name, version FROM teams WHERE id = $1", [id]);
  return rows.map(toTeam)[0];
}

/** Names a team, or deletes it (null); the row and its event in one transaction. */
export async function saveTeam(pool: pg.Pool, id: string, name: string | null): Promise<Team> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    // Version 0 is a row that was never published; it is there to be locked.
    await client.query("INSERT INTO teams VALUES ($1, NULL, 0) ON CONFLICT DO NOTHING", [id]);
    const { rows } = await client.query<Row>("SELECT * FROM teams WHERE id = $1 FOR UPDATE", [id]);
    const [before = { id, name: null, version: 0 }] = rows.map(toTeam);
    if (before.name === name) {
      await client.query("ROLLBACK");
      return before;
    }
    const after = { id, name, version: before.version + 1 };
    await client.query("UPDATE teams SET name = $2, version = $3 WHERE id = $1", [id, name, after.version]);
    await outbox.add(client, TeamChanged, {
      id,
      version: after.version,
      before: before.name === null ? null : { name: before.name },
      after: name === null ? null : { name },
    });
    await client.query("COMMIT");
    return after;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** pg hands over a bigint as text. */
type Row = Omit<Team, "version"> & { readonly version: string };

function toTeam({ version, ...rest }: Row): Team {
  return { ...rest, version: Number(version) };
}

import { createOutbox } from "@freshet/outbox";
import pg from "pg";
import { ArticleChanged } from "./contract.ts";

export interface Article {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly authorId: string;
}

export const databaseUrl =
  process.env["DATABASE_URL"] ?? "postgres://freshet:freshet@127.0.0.1:5432/articles";
export const pool = new pg.Pool({ connectionString: databaseUrl });
const outbox = createOutbox({ source: "article-service" });
const select = `SELECT id, version, title, author_id AS "authorId" FROM articles`;

/** Creates or changes an article: the row and its event in one transaction. */
export async function save(id: string, title: string, authorId: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    // Version 0 was never published; it is there to be locked, so that versions rise in the order of the commits.
    await client.query("INSERT INTO articles VALUES ($1, 0, '', '') ON CONFLICT DO NOTHING", [id]);
    const { rows } = await client.query<Article>(`${select} WHERE id = $1 FOR UPDATE`, [id]);
    const [{ version, ...old } = { version: 0, title: "", authorId: "" }] = rows;
    if (old.title !== title || old.authorId !== authorId) {
      await client.query(
        "UPDATE articles SET version = version + 1, title = $2, author_id = $3 WHERE id = $1",
        [id, title, authorId],
      );
      const [before, after] = [version === 0 ? null : old, { title, authorId }];
      await outbox.add(client, ArticleChanged, { id, version: version + 1, before, after });
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

export async function find(id: string): Promise<Article | undefined> {
  return (await pool.query<Article>(`${select} WHERE id = $1`, [id])).rows[0];
}

export async function findByAuthor(authorId: string): Promise<Article[]> {
  return (await pool.query<Article>(`${select} WHERE author_id = $1 ORDER BY id`, [authorId])).rows;
}

import { FreshetError } from "@freshet/contracts";
import pg from "pg";
import type { Row } from "./rows.ts";

const rowsAtOnce = 1_000;

/** The rows of a query, page by page. */
export interface RowCursor {
  readonly total: number;
  /** The next page; empty at the end. */
  readonly next: () => Promise<readonly Row[]>;
}

/**
 * Runs `work` with the rows that the query returns for this time, which it reads by
 * `current_setting('freshet.since')`. The cursor is WITH HOLD: PostgreSQL puts the rows aside and the transaction,
 * read-only, is over before the first is used, so that a long repair keeps no snapshot that others pay for.
 * @throws FreshetError DATABASE_FAILED
 */
export async function withRows<Result>(
  connectionString: string,
  query: string,
  since: string,
  timeoutMs: number,
  work: (rows: RowCursor) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: timeoutMs });
  client.on("error", () => undefined); // the next question says it
  const ask = (query: pg.QueryConfig | string) =>
    client.query<Record<string, unknown>>(query).catch((cause: unknown) => {
      throw failed(cause);
    });
  try {
    await client.connect().catch((cause: unknown) => {
      throw failed(cause);
    });
    await ask({ text: "SELECT set_config('freshet.since', $1, false)", values: [since] });
    await ask("BEGIN READ ONLY");
    const text = `DECLARE freshet_repair SCROLL CURSOR WITH HOLD FOR ${query.trim().replace(/;$/, "")}`;
    // Under a name it goes by the extended protocol, which takes one statement and no more.
    await ask({ text, name: "repair" });
    await ask("COMMIT");
    const { rowCount } = await ask("MOVE FORWARD ALL IN freshet_repair");
    await ask("MOVE ABSOLUTE 0 IN freshet_repair");
    const next = async () => (await ask(`FETCH ${rowsAtOnce} FROM freshet_repair`)).rows;
    return await work({ total: rowCount ?? 0, next });
  } finally {
    await client.end().catch(() => undefined);
  }
}

function failed(cause: unknown): FreshetError {
  return new FreshetError("DATABASE_FAILED", cause instanceof Error ? cause.message : String(cause), {
    cause,
  });
}

/** A transaction that is open: anything that runs one statement with `$1…$n`. A client of pg is one as it is. */
export interface OutboxTransaction {
  query(sql: string, params: unknown[]): PromiseLike<unknown>;
}

/**
 * A drizzle transaction as the outbox takes it: `outbox.add(drizzleTransaction(tx, sql), …)`, where `sql` is
 * drizzle's own tag (so that this package needs no drizzle).
 */
export function drizzleTransaction<Query>(
  tx: { execute(query: Query): PromiseLike<unknown> },
  sql: (strings: TemplateStringsArray, ...params: unknown[]) => Query,
): OutboxTransaction {
  return {
    query(text, params) {
      const parts = text.split(/\$\d+/);
      return tx.execute(sql(Object.assign(parts, { raw: parts }), ...params));
    },
  };
}

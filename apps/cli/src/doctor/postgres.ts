import { FreshetError } from "@freshet/contracts";
import { Client } from "pg";
import { counted, seconds } from "../problem.ts";
import { judgeClock } from "./clocks.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

/** What a database says of itself and of its outbox. */
export interface DatabaseFacts {
  /** As PostgreSQL numbers them: 180001. */
  readonly versionNumber: number;
  /** Its clock less ours, and by how much that may be wrong. */
  readonly skewMs: number;
  readonly toleranceMs: number;
  /** undefined: there is no outbox_events here. */
  readonly outbox: { readonly rows: number; readonly oldestSeconds: number } | undefined;
  /** Rows that Kafka refused; undefined: there is no outbox_dead. */
  readonly dead: number | undefined;
}

const leastVersion = 13;
const check = "PostgreSQL";
/** A relay that runs leaves no row for as long. */
const stuckSeconds = 60;

/** Nobody said where an outbox is: what is wrong with it would go unseen. */
export const noDatabaseNamed = warning(
  check,
  "",
  "not looked at: DATABASE_URL is not set",
  "set DATABASE_URL (or DATABASE_URL_FILE) to the database of a service that has an outbox, for each of them",
);

/** Whether a database can be what the outbox needs. Pure. */
export function judgeDatabase(of: string, facts: DatabaseFacts): Finding[] {
  const major = Math.floor(facts.versionNumber / 10_000);
  const found = [
    major < leastVersion
      ? problem(check, of, `it is PostgreSQL ${major}`, `upgrade it to ${leastVersion} or later`)
      : ok(check, of, `answers, PostgreSQL ${major}`),
    judgeClock(`${check} ${of}`, facts.skewMs, facts.toleranceMs),
  ];
  const { outbox, dead } = facts;
  if (outbox === undefined || dead === undefined)
    found.push(
      problem(
        "outbox",
        of,
        `it has no ${outbox === undefined ? "outbox_events" : "outbox_dead"}`,
        "copy schema.sql of @freshet/outbox into a migration, or correct DATABASE_URL",
      ),
    );
  else {
    const waiting = `${counted(outbox.rows, "row")} wait${outbox.rows === 1 ? "s" : ""}`;
    found.push(
      outbox.oldestSeconds > stuckSeconds
        ? problem(
            "outbox",
            of,
            `${waiting}, the oldest for ${seconds(outbox.oldestSeconds)}`,
            "see whether a relay runs (OUTBOX_RELAY) and reaches Kafka: docs/runbooks/outbox-stuck.md",
          )
        : ok("outbox", of, waiting),
    );
    if (dead > 0)
      found.push(
        warning(
          "outbox",
          of,
          `Kafka has refused ${counted(dead, "row")} for good`,
          "see outbox_dead and docs/runbooks/outbox-dead.md",
        ),
      );
  }
  return found;
}

/**
 * Asks a database, changing nothing.
 * @throws FreshetError DATABASE_UNREACHABLE
 */
export async function askDatabase(url: string, timeoutMs: number): Promise<DatabaseFacts> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    application_name: "freshet doctor",
  });
  // Without a listener a connection that breaks later ends the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const beforeMs = Date.now();
    const clock = await client.query<{ version: number; now_ms: string }>(
      "SELECT current_setting('server_version_num')::int AS version, " +
        "(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms",
    );
    const afterMs = Date.now();
    const tables = await client.query<{ outbox: boolean; dead: boolean }>(
      "SELECT to_regclass('outbox_events') IS NOT NULL AS outbox, to_regclass('outbox_dead') IS NOT NULL AS dead",
    );
    const [{ outbox, dead } = { outbox: false, dead: false }] = tables.rows;
    const count = async (table: string) => {
      const { rows } = await client.query<{ rows: number; age: string | null }>(
        `SELECT count(*)::int AS rows, extract(epoch FROM clock_timestamp() - min(created_at)) AS age ` +
          `FROM (SELECT created_at FROM ${table} ORDER BY seq LIMIT 10000) AS oldest`,
      );
      return { rows: rows[0]?.rows ?? 0, oldestSeconds: Number(rows[0]?.age ?? 0) };
    };
    return {
      versionNumber: clock.rows[0]?.version ?? 0,
      skewMs: Number(clock.rows[0]?.now_ms ?? Number.NaN) - (beforeMs + afterMs) / 2,
      toleranceMs: (afterMs - beforeMs) / 2,
      outbox: outbox ? await count("outbox_events") : undefined,
      dead: dead ? (await count("outbox_dead")).rows : undefined,
    };
  } catch (error) {
    throw new FreshetError("DATABASE_UNREACHABLE", error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

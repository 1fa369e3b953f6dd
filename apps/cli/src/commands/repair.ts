import { readFile } from "node:fs/promises";
import { FreshetError } from "@freshet/contracts";
import type { EventNode } from "@freshet/dependency-graph";
import type { Command } from "commander";
import type { Deleter, ViewCount } from "../by-hand/deleter.ts";
import { byHandOptions, type ByHandOptions, printCounts, withDeleter } from "../by-hand/options.ts";
import { type RowCursor, withRows } from "../by-hand/row-cursor.ts";
import { eventOfRow, type Incomplete, incompleteViews, otherEvents } from "../by-hand/rows.ts";
import { databaseUrl } from "../config.ts";
import { namedGraph } from "../manifests.ts";
import { counted, seconds } from "../problem.ts";
import { Progress } from "../progress.ts";
import { type Report, type Session, timeoutOption } from "../session.ts";
import { parseTime } from "../tail-start.ts";

interface RepairOptions extends ByHandOptions {
  readonly event: string;
  readonly sql: string;
  readonly since?: Date;
  readonly all?: boolean;
  readonly timeout: number;
}

/** `freshet repair`: deletes what follows from the rows of a database, where the events are gone. */
export function addRepair(program: Command, session: Session): void {
  const command = session.command(
    program,
    "repair",
    "Delete every key that follows from the rows that changed, where their events are gone; names what it can't know",
    [
      [
        "repair --event ProfileChanged --sql deploy/repair/profile-changed.sql --since 2h",
        "rows that changed in the last two hours; begin well before the gap",
      ],
      [
        "repair --event ProfileChanged --sql deploy/repair/profile-changed.sql --all --dry-run",
        "how many keys all rows have",
      ],
    ],
  );
  byHandOptions(command)
    .requiredOption("--event <type>", "the event of the manifests that these rows would have published")
    .requiredOption("--sql <file>", "one SELECT: the id as subject, and each routing value under its name")
    .option(
      "--since <time>",
      "an age (2h) or a time; the query reads it as current_setting('freshet.since')",
      (text) => parseTime(text, Date.now()),
    )
    .option("--all", "every row: freshet.since is -infinity")
    .addOption(timeoutOption("PostgreSQL", 60))
    .action(async () => {
      const options = command.opts<RepairOptions>();
      if ((options.since === undefined) === (options.all !== true))
        throw new FreshetError("CLI_USAGE", "say --since <time> or --all, one of them");
      const { environment } = session.io;
      const query = await readFile(options.sql, "utf8").catch((cause: unknown) => {
        throw new FreshetError("CLI_USAGE", `--sql: the file ${options.sql} can't be read`, { cause });
      });
      const graph = await namedGraph(environment, options.manifests);
      const event = graph.events.find(({ type }) => type === options.event);
      if (event === undefined)
        throw new FreshetError("CLI_USAGE", `--event: no manifest publishes ${options.event}`);
      const url = databaseUrl(environment);
      if (url === undefined)
        throw new FreshetError("CONFIG_INVALID", "DATABASE_URL is not set: the database that has these rows");
      const startedAt = new Date();
      await withDeleter(session, options, async (deleter) => {
        const incomplete = incompleteViews(graph.views, event, deleter.poolNames);
        const others = otherEvents(graph.views, event, deleter.poolNames);
        const since = options.since?.toISOString() ?? "-infinity";
        const read = await withRows(url, query, since, options.timeout * 1_000, (rows) =>
          repair(session, deleter, event, rows),
        );
        const isInterrupted = session.io.signal.aborted;
        const pools = deleter.poolNames.filter((pool) => graph.pool(pool).topics.includes(event.topic));
        const facts = {
          ...read,
          counts: deleter.counts,
          incomplete,
          others,
          pools,
          startedAt,
          isInterrupted,
        };
        session.report(report({ ...facts, dryRun: options.dryRun === true }), options.json);
        if (isInterrupted) session.exitCode = 130;
      });
    });
}

async function repair(
  session: Session,
  deleter: Deleter,
  event: EventNode,
  { total, next }: RowCursor,
): Promise<{ rows: number; total: number; unplanned: number }> {
  const progress = new Progress(session.io.stderr, "repairing", total);
  const seen = { rows: 0, total, unplanned: 0 };
  try {
    while (!session.io.signal.aborted) {
      const rows = await next();
      if (rows.length === 0) break;
      const { unplanned } = await deleter.delete(
        event.topic,
        rows.map((row) => eventOfRow(row, event)),
        [],
      );
      seen.rows += rows.length;
      seen.unplanned += unplanned;
      progress.advance(rows.length);
    }
  } catch (error) {
    // Ctrl-C also ends a wait for the rate.
    if (!session.io.signal.aborted) throw error;
  }
  progress.end();
  return seen;
}

function report(facts: {
  rows: number;
  total: number;
  unplanned: number;
  counts: readonly ViewCount[];
  incomplete: readonly Incomplete[];
  others: readonly string[];
  pools: readonly string[];
  startedAt: Date;
  dryRun: boolean;
  isInterrupted: boolean;
}): Report {
  const { rows, total, unplanned, counts, incomplete, others, pools, startedAt, dryRun, isInterrupted } =
    facts;
  const began = startedAt.toISOString();
  return {
    data: {
      dryRun,
      interrupted: isInterrupted,
      startedAt: began,
      rows,
      of: total,
      unplanned,
      views: counts,
      incomplete,
      otherEvents: others,
    },
    problem: false,
    print(out) {
      out.line(`${dryRun ? "would repair" : "repaired"} ${rows} of ${counted(total, "row")}`);
      printCounts(out, counts);
      if (unplanned > 0)
        out.line(
          `${unplanned} times a row lacked a routing value (deleted?): keys that follow from its id alone`,
        );
      for (const { pool, view, by, hardTtlSeconds } of incomplete)
        out.line(
          { text: "not known ", style: "yellow" },
          `pool ${pool}: keys of ${view} under a former ${by.join(" or ")}: old for up to `,
          `${seconds(hardTtlSeconds)} more, unless the pool is flushed (\`freshet flush --pool ${pool}\`)`,
        );
      if (isInterrupted) out.line("stopped: run it again, what is deleted twice costs nothing but a miss");
      else if (!dryRun)
        for (const pool of pools)
          out.line(
            others.length === 0 ? "" : `once the rows of ${others.join(", ")} are repaired too: `,
            `\`freshet settle --pool ${pool} --before ${began}\` ends the alarm`,
          );
    },
  };
}

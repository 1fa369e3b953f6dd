import type { Command } from "commander";
import { remedyOf } from "../letters/letter.ts";
import { countsBy, type IndexedLetter, LetterIndex } from "../letters/letter-index.ts";
import { type LetterOptions, letterOptions, whereOption, withLetters } from "../letters/scan.ts";
import { positionText } from "../letters/letter.ts";
import { counted } from "../problem.ts";
import { count, type Report, type Session } from "../session.ts";

interface ListOptions extends LetterOptions {
  readonly limit: number;
}

/** `freshet dlt list`: the letters of all pools, one line for each event. */
export function addDltList(dlt: Command, session: Session): void {
  const command = session.command(dlt, "list", "Dead letters, those of all pools about one event as one", [
    ["dlt list", "those of every topic of the manifests"],
    ["dlt list --where reason=invalid_routing from=2h", "one reason, parked in the last two hours"],
    ["dlt list --where topic=profile.events.v1 --json", "one topic, for machines"],
  ]);
  letterOptions(command)
    .addOption(whereOption())
    .option("--limit <n>", "show so many; all are counted", count, 100)
    .action(async () => {
      const options = command.opts<ListOptions>();
      const index = new LetterIndex(options.where);
      await withLetters(session, options, (box) =>
        box.scan("reading letters", options.where.fromMs, (record) => {
          index.add(record);
        }),
      );
      session.report(listReport(index, options.limit), options.json);
    });
}

function listReport(index: LetterIndex, limit: number): Report {
  const { letters, foreign } = index;
  const shown = letters.slice(0, limit);
  const redriven = letters.filter(({ redrivenMs }) => redrivenMs !== undefined).length;
  const byReason = countsBy(letters, ({ reason }) => reason);
  return {
    data: { total: letters.length, redriven, foreign, byReason, letters: shown.map(letterData) },
    problem: false,
    print(out) {
      if (letters.length === 0) out.line("No dead letters.");
      else
        out.table(
          [
            { title: "EVENT" },
            { title: "REASON" },
            { title: "POOLS" },
            { title: "PARKED" },
            { title: "BYTES", align: "right" },
            { title: "" },
          ],
          shown.map(({ source, reason, pools, parkedMs, bytes, isCut, redrivenMs }) => [
            positionText(source),
            reason,
            pools.join(", "),
            new Date(parkedMs).toISOString(),
            String(bytes),
            [isCut ? "cut" : "", redrivenMs === undefined ? "" : "redriven"].filter(Boolean).join(", "),
          ]),
        );
      if (letters.length > shown.length) out.line(`… and ${letters.length - shown.length} more: --limit`);
      for (const [reason, letterCount] of Object.entries(byReason))
        out.line(`${counted(letterCount, "letter")} (${reason}): ${remedyOf(reason)}`);
      if (redriven > 0) out.line(`${redriven} of them redriven`);
      if (foreign > 0) out.line(`${counted(foreign, "record")} there that no invalidator wrote: left alone`);
    },
  };
}

function letterData({ source, reason, pools, attempt, parkedMs, bytes, isCut, redrivenMs }: IndexedLetter) {
  return {
    topic: source.topic,
    partition: source.partition,
    offset: source.offset.toString(),
    reason,
    pools,
    attempt,
    parkedAt: new Date(parkedMs).toISOString(),
    bytes,
    cut: isCut,
    redrivenAt: redrivenMs === undefined ? null : new Date(redrivenMs).toISOString(),
  };
}

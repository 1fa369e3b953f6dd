import { FreshetError } from "@freshet/contracts";
import { type OutgoingMessage, toReceipt } from "@freshet/kafka";
import type { Command } from "commander";
import { type Letter, positionText } from "../letters/letter.ts";
import { countsBy, type IndexedLetter, LetterIndex } from "../letters/letter-index.ts";
import {
  type LetterBox,
  type LetterOptions,
  letterOptions,
  whereOption,
  withLetters,
} from "../letters/scan.ts";
import { matches, type Where } from "../letters/where.ts";
import { counted } from "../problem.ts";
import { Progress } from "../progress.ts";
import type { Report, Session } from "../session.ts";

interface RedriveOptions extends LetterOptions {
  readonly dryRun?: boolean;
  readonly again?: boolean;
}

/** Letters of one topic that are sent, and receipted, together: what a crash in between sends twice. */
const batchLetters = 500;

/** `freshet dlt redrive`: sends the original events to their topics again. */
export function addDltRedrive(dlt: Command, session: Session): void {
  const command = session.command(
    dlt,
    "redrive",
    "Send the original event of each dead letter to its topic again, each once; safe to repeat",
    [
      ["dlt redrive --dry-run", "what would be sent"],
      ["dlt redrive --where reason=invalid_routing", "after its cause was mended"],
      ["dlt redrive --where topic=profile.events.v1 from=2h", "one topic, parked in the last two hours"],
    ],
  );
  letterOptions(command)
    .addOption(whereOption())
    .option("--again", "those too that were redriven before")
    .option("--dry-run", "send nothing")
    .action(async () => {
      const options = command.opts<RedriveOptions>();
      const { where } = options;
      await withLetters(session, options, async (box) => {
        const index = new LetterIndex(where);
        await box.scan("reading letters", where.fromMs, (record) => {
          index.add(record);
        });
        const { letters, foreign } = index;
        const chosen = letters.filter(
          ({ isCut, redrivenMs }) => !isCut && (options.again === true || redrivenMs === undefined),
        );
        const dryRun = options.dryRun === true;
        const isStopped = () => session.io.signal.aborted;
        const sent =
          dryRun || isStopped()
            ? { sent: 0, tooLarge: [] }
            : await redrive(session, box, where, new Set(chosen.map(({ source }) => positionText(source))));
        session.report(
          redriveReport({ letters, chosen, foreign, dryRun, isInterrupted: isStopped(), ...sent }),
          options.json,
        );
        if (isStopped()) session.exitCode = 130;
      });
    });
}

/** Sends each chosen letter once, whichever pool's comes first, and writes a receipt behind each batch. */
async function redrive(
  session: Session,
  { topics, clients: { publisher }, scanBatches }: LetterBox,
  where: Where,
  chosen: Set<string>,
): Promise<{ sent: number; tooLarge: string[] }> {
  const tooLarge: string[] = [];
  let sent = 0;
  const progress = new Progress(session.io.stderr, "redriving", chosen.size);
  const publish = async (messages: readonly OutgoingMessage[]) => {
    try {
      return await publisher.publish(messages);
    } catch (cause) {
      const message = `${sent} events were sent before; run it again for the rest, some of these may come twice`;
      throw new FreshetError("KAFKA_PUBLISH_FAILED", message, { cause });
    }
  };
  const send = async (letters: readonly Letter[]): Promise<void> => {
    const outcomes = await publish(letters.map(original));
    const done = letters.map(({ source }) => positionText(source));
    tooLarge.push(...done.filter((_, index) => outcomes[index] === "too_large"));
    const published = done.filter((_, index) => outcomes[index] === "published");
    const [first] = letters;
    if (first !== undefined && published.length > 0)
      await publish([toReceipt(first.source.topic, published)]);
    sent += published.length;
    progress.advance(letters.length);
  };
  await scanBatches(undefined, where.fromMs, async (records) => {
    const wanted = records.filter((record): record is Letter => {
      if (record.kind !== "letter" || record.cut !== undefined || !matches(where, record)) return false;
      return chosen.delete(positionText(record.source));
    });
    for (const topic of topics) {
      const ofTopic = wanted.filter(({ source }) => source.topic === topic);
      for (let from = 0; from < ofTopic.length && !session.io.signal.aborted; from += batchLetters)
        await send(ofTopic.slice(from, from + batchLetters));
    }
  });
  progress.end();
  return { sent, tooLarge };
}

/** The event as it was: what Freshet added is gone, so that it is an event like any other. */
function original({ source, key, value, headers }: Letter): OutgoingMessage {
  return { topic: source.topic, key, value, headers };
}

function redriveReport(facts: {
  letters: readonly IndexedLetter[];
  chosen: readonly IndexedLetter[];
  foreign: number;
  dryRun: boolean;
  isInterrupted: boolean;
  sent: number;
  tooLarge: readonly string[];
}): Report {
  const { letters, chosen, foreign, dryRun, isInterrupted, sent, tooLarge } = facts;
  const cut = letters.filter(({ isCut }) => isCut).map(({ source }) => positionText(source));
  const alreadyRedriven = letters.length - cut.length - chosen.length;
  const byReason = countsBy(chosen, ({ reason }) => reason);
  return {
    data: {
      dryRun,
      interrupted: isInterrupted,
      letters: letters.length,
      chosen: chosen.length,
      byReason,
      sent,
      alreadyRedriven,
      cut,
      tooLarge,
      foreign,
    },
    problem: cut.length + tooLarge.length > 0,
    print(out) {
      const of = Object.entries(byReason).map(([reason, letterCount]) => `${letterCount} ${reason}`);
      const which = of.length === 0 ? "" : ` (${of.join(", ")})`;
      if (dryRun) out.line(`would send ${counted(chosen.length, "event")}${which}`);
      else out.line(`sent ${sent} of ${counted(chosen.length, "event")}${which}`);
      if (isInterrupted) out.line("stopped between two batches: run it again for the rest");
      if (alreadyRedriven > 0) out.line(`${alreadyRedriven} redriven before: --again sends them again`);
      if (foreign > 0) out.line(`${counted(foreign, "record")} there that no invalidator wrote: left alone`);
      for (const position of cut)
        out.line({ text: "problem ", style: "red" }, `${position} is cut, its event is not there: `, repair);
      for (const position of tooLarge)
        out.line({ text: "problem ", style: "red" }, `${position} is too large for its topic now: `, repair);
      if (sent > 0)
        out.line("What fails again comes back as a new letter: `freshet dlt list --where from=1m`.");
    },
  };
}

const repair = "`freshet repair` deletes the keys of its entity instead";

import { decodeChangeEvent, FreshetError } from "@freshet/contracts";
import { deadLetterTopic, sourceTopic } from "@freshet/kafka";
import { type Command, InvalidArgumentError } from "commander";
import { contentData, contentText } from "../letters/content.ts";
import { type Letter, parsePosition, positionText, remedyOf, type Position } from "../letters/letter.ts";
import { type LetterBox, type LetterOptions, letterOptions, withLetters } from "../letters/scan.ts";
import type { Report, Session } from "../session.ts";

const mostBytes = 4_096;

/** `freshet dlt show`: one event that was given up, with its bytes. */
export function addDltShow(dlt: Command, session: Session): void {
  const command = session.command(
    dlt,
    "show",
    "One dead letter: why, where, by whom, and its original bytes",
    [
      ["dlt show profile.events.v1/3@17", "the event at offset 17 of partition 3, as `dlt list` names it"],
      ["dlt show profile.events.v1.dlt/0@5", "the same, by where its letter lies, as `events tail` shows it"],
      ["dlt show profile.events.v1/3@17 --json", "all of its bytes, text or base64"],
    ],
  );
  letterOptions(
    command.argument("<position>", "topic/partition@offset of the event, or of its letter", position),
  ).action(async (wanted: Position) => {
    const options = command.opts<LetterOptions>();
    const where = { topic: sourceTopic(wanted.topic) };
    const found: Letter[] = [];
    const redriven: number[] = [];
    await withLetters(session, { ...options, where }, async (box) => {
      const event = positionText(wanted.topic === where.topic ? wanted : await eventOf(wanted, box));
      await box.scan("looking for the letter", undefined, (record) => {
        if (record.kind === "letter" && positionText(record.source) === event) found.push(record);
        if (record.kind === "receipt" && record.positions.includes(event)) redriven.push(record.atMs);
      });
    });
    const [first] = found;
    if (first === undefined)
      throw new FreshetError(
        "LETTER_UNKNOWN",
        `no dead letter of the event ${positionText(wanted)}; a letter's own position is one of ${deadLetterTopic(where.topic)}`,
      );
    session.report(showReport(first, found, redriven[0]), options.json);
  });
}

/**
 * The position of the event whose letter lies here.
 * @throws FreshetError LETTER_UNKNOWN
 */
async function eventOf(wanted: Position, { scan }: LetterBox): Promise<Position> {
  const found: Position[] = [];
  await scan("looking for the event", undefined, (record) => {
    if (record.kind === "letter" && positionText(record.lies) === positionText(wanted))
      found.push(record.source);
  });
  const [source] = found;
  if (source !== undefined) return source;
  throw new FreshetError(
    "LETTER_UNKNOWN",
    `no dead letter lies at ${positionText(wanted)}; an event's position is one of ${sourceTopic(wanted.topic)}`,
  );
}

function position(text: string): Position {
  const found = parsePosition(text);
  if (found === undefined)
    throw new InvalidArgumentError("It must be topic/partition@offset, as `freshet dlt list` shows it.");
  return found;
}

function showReport(letter: Letter, letters: readonly Letter[], redrivenMs: number | undefined): Report {
  const { source, reason, key, value, headers, cut } = letters.find((each) => !each.cut) ?? letter;
  const decoded = decodeChangeEvent({ key, value, headers });
  const detail = decoded.ok ? null : decoded.detail;
  const remedy = cut ? `${remedyOf(reason)}; it is cut: only \`freshet repair\` helps` : remedyOf(reason);
  const pools = letters.map(({ pool, attempt, parkedMs, lies }) => ({
    pool,
    attempt,
    parkedAt: iso(parkedMs),
    letter: positionText(lies),
  }));
  const headerEntries = Object.entries(headers).flatMap(([name, content]) =>
    [content ?? ""].flat().map((part) => [name, Buffer.from(part)] as const),
  );
  return {
    data: {
      topic: source.topic,
      partition: source.partition,
      offset: source.offset.toString(),
      reason,
      detail,
      remedy,
      pools,
      redrivenAt: redrivenMs === undefined ? null : iso(redrivenMs),
      cut: cut ?? null,
      key: contentData(key),
      headers: headerEntries.map(([name, content]) => ({ name, content: contentData(content) })),
      value: contentData(value),
    },
    problem: false,
    print(out) {
      out.line({ text: `event ${positionText(source)}`, style: "bold" }, ": ", {
        text: reason,
        style: "red",
      });
      if (detail !== null) out.line(detail);
      out.line(remedy);
      for (const { pool, attempt, parkedAt, letter: at } of pools)
        out.line(`parked by pool ${pool} at ${parkedAt}, attempt ${attempt}: letter ${at}`);
      if (redrivenMs !== undefined) out.line(`redriven at ${iso(redrivenMs)}`);
      if (cut) out.line(`cut: the first of ${cut.sizeBytes} bytes with SHA-256 ${cut.sha256}`);
      out.line({ text: "key", style: "dim" });
      out.text(key === null ? "none" : contentText(key, mostBytes));
      for (const [name, content] of headerEntries) {
        out.line({ text: `header ${name}`, style: "dim" });
        out.text(contentText(content, mostBytes));
      }
      out.line({ text: `value, ${value?.length ?? 0} bytes`, style: "dim" });
      out.text(value === null ? "none" : contentText(value, mostBytes));
    },
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

import { type ChangeEvent, decodeChangeEvent, FreshetError } from "@freshet/contracts";
import { type Command, Option } from "commander";
import { type Deleter, type ViewCount } from "../by-hand/deleter.ts";
import { byHandOptions, type ByHandOptions, printCounts, withDeleter } from "../by-hand/options.ts";
import { kafkaAccess } from "../config.ts";
import { type Ask, type Clients, withKafka } from "../kafka.ts";
import { counted } from "../problem.ts";
import { Progress } from "../progress.ts";
import { type FoundRecord, type Range, rangesFrom, recordsIn } from "../read-range.ts";
import { kafkaOptions, type KafkaOptions, type Report, type Session } from "../session.ts";
import { parseStart, type TailStart } from "../tail-start.ts";

interface ReplayOptions extends ByHandOptions, KafkaOptions {
  readonly topic?: string;
  readonly from: TailStart;
  readonly to: TailStart;
}

const places = "an age (10m), a time (2026-11-22T20:00:00Z) or partition@offset (3@17)";

/** `freshet replay`: deletes once more what a stretch of events says. */
export function addReplay(program: Command, session: Session): void {
  const command = session.command(
    program,
    "replay",
    "Delete once more what a range of events says, in one pool or in all; safe beside live traffic",
    [
      ["replay --from 2h --dry-run", "how many events and keys that would be, view by view"],
      ["replay --from 2h --pool profiles", "one pool, from two hours ago until now"],
      ["replay --topic profile.events.v1 --from 3@1700 --to 3@1800", "offsets 1700 to 1799 of one partition"],
    ],
  );
  kafkaOptions(byHandOptions(command))
    .addOption(
      new Option("--from <start>", `beginning, ${places}`)
        .argParser((text) => parseStart(text, Date.now()))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--to <end>", `end, ${places}; excluded`)
        .argParser((text) => parseStart(text, Date.now()))
        .default({ at: "end" } satisfies TailStart, "end"),
    )
    .option("--topic <name>", "this topic only (default: every topic of the pools)")
    .action(async () => {
      const options = command.opts<ReplayOptions>();
      const access = kafkaAccess(session.io.environment, options);
      await withDeleter(session, options, (deleter) =>
        withKafka(access, options.timeout * 1_000, (clients, ask) =>
          replay(session, options, deleter, clients, ask),
        ),
      );
    });
}

async function replay(
  session: Session,
  options: ReplayOptions,
  deleter: Deleter,
  clients: Clients,
  ask: Ask,
): Promise<void> {
  const topics = options.topic === undefined ? deleter.topics : [options.topic];
  const unread = topics.find((topic) => !deleter.topics.includes(topic));
  if (unread !== undefined)
    throw new FreshetError(
      "KAFKA_TOPIC_UNKNOWN",
      `no view of ${deleter.poolNames.join(", ")} depends on ${unread}`,
    );
  if (topics.length > 1 && [options.from, options.to].some(({ at }) => at === "offset"))
    throw new FreshetError("CLI_USAGE", "partition@offset needs --topic: there are several topics");
  refuseReversed(options);
  const ranges = (await Promise.all(topics.map((topic) => rangeOf(topic, options, clients, ask)))).flat();
  const total = ranges.reduce((sum, { offset, end }) => sum + Math.max(0, Number(end - offset)), 0);
  const progress = new Progress(session.io.stderr, "replaying", total);
  const seen = { records: 0, undecodable: 0 };
  try {
    for await (const records of recordsIn(session, clients, ask, ranges)) {
      for (const topic of topics) seen.undecodable += await deleteAgain(deleter, topic, records);
      seen.records += records.length;
      progress.advance(records.length);
    }
  } catch (error) {
    // Ctrl-C also ends a wait for the rate.
    if (!session.io.signal.aborted) throw error;
  }
  progress.end();
  const isInterrupted = session.io.signal.aborted;
  const dryRun = options.dryRun === true;
  session.report(report({ ...seen, total, counts: deleter.counts, dryRun, isInterrupted }), options.json);
  if (isInterrupted) session.exitCode = 130;
}

/** A range that ends before it begins would be replayed as one of no events, which is taken for done. */
function refuseReversed({ from, to }: ReplayOptions): void {
  const isReversed =
    (from.at === "time" && to.at === "time" && from.ms > to.ms) ||
    (from.at === "offset" && to.at === "offset" && from.offset > to.offset) ||
    (to.at === "beginning" && from.at !== "beginning") ||
    (from.at === "end" && to.at !== "end");
  if (isReversed) throw new FreshetError("CLI_USAGE", "--from lies after --to: swap them");
}

/** Deletes what the records of this topic say; answers how many of them are no events that can be planned. */
async function deleteAgain(
  deleter: Deleter,
  topic: string,
  records: readonly FoundRecord[],
): Promise<number> {
  const events: ChangeEvent[] = [];
  const entityIds: string[] = [];
  let undecodable = 0;
  for (const { message } of records.filter((record) => record.topic === topic)) {
    const decoded = decodeChangeEvent(message);
    if (decoded.ok) events.push(decoded.event);
    else {
      undecodable += 1;
      if (message.key !== null) entityIds.push(message.key.toString());
    }
  }
  const { unplanned } = await deleter.delete(topic, events, entityIds);
  return undecodable + unplanned;
}

async function rangeOf(
  topic: string,
  { from, to }: ReplayOptions,
  clients: Clients,
  ask: Ask,
): Promise<Range[]> {
  const [begins, ends] = await Promise.all([
    rangesFrom(topic, from, clients, ask),
    to.at === "end" ? undefined : rangesFrom(topic, to, clients, ask),
  ]);
  if (begins.length === 0 || ends?.length === 0)
    throw new FreshetError("CLI_USAGE", `${topic} has no such partition: see them with \`freshet lag\``);
  const beyond = begins.find(({ offset, end }) => from.at === "offset" && offset > end);
  if (beyond !== undefined)
    throw new FreshetError(
      "CLI_USAGE",
      `--from ${beyond.partition}@${beyond.offset} lies behind the end of ${topic}, which is ${beyond.partition}@${beyond.end}`,
    );
  return begins.flatMap((range) => {
    if (ends === undefined) return [range];
    const stop = ends.find(({ partition }) => partition === range.partition)?.offset;
    return stop === undefined ? [] : [{ ...range, end: stop < range.end ? stop : range.end }];
  });
}

function report(facts: {
  records: number;
  undecodable: number;
  total: number;
  counts: readonly ViewCount[];
  dryRun: boolean;
  isInterrupted: boolean;
}): Report {
  const { records, undecodable, total, counts, dryRun, isInterrupted } = facts;
  return {
    data: { dryRun, interrupted: isInterrupted, events: records, of: total, undecodable, views: counts },
    problem: false,
    print(out) {
      out.line(`${dryRun ? "would replay" : "replayed"} ${records} of ${counted(total, "event")}`);
      printCounts(out, counts);
      if (undecodable > 0)
        out.line(
          `${undecodable} of them could not be planned: only keys that follow from their entity's id ${dryRun ? "would be" : "were"} deleted`,
        );
      if (isInterrupted) out.line("stopped: run it again, what is deleted twice costs nothing but a miss");
    },
  };
}

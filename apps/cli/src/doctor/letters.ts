import { deadLetterTopic } from "@freshet/kafka";
import type { Ask, Clients } from "../kafka.ts";
import { readDeadLetter } from "../letters/letter.ts";
import { LetterIndex } from "../letters/letter-index.ts";
import { counted } from "../problem.ts";
import { rangesFrom, recordsIn } from "../read-range.ts";
import type { Session } from "../session.ts";
import { type Finding, ok, orOk, warning } from "./finding.ts";

/** Records of a topic that are read to tell what waits from what was redriven; of more only the number is told. */
const mostRead = 20_000;

/** Events that were given up and not sent again, by the topics' dead letters. */
export async function examineLetters(
  session: Session,
  clients: Clients,
  ask: Ask,
  topics: readonly string[],
): Promise<readonly Finding[]> {
  const existing = new Set(await ask(clients.admin.listTopics()));
  const found: Finding[] = [];
  for (const topic of topics.filter((name) => existing.has(deadLetterTopic(name)))) {
    const of = deadLetterTopic(topic);
    const see = `see \`freshet dlt list --where topic=${topic}\`, mend the cause, then \`freshet dlt redrive\``;
    const ranges = await rangesFrom(of, { at: "beginning" }, clients, ask);
    const records = ranges.reduce((sum, { offset, end }) => sum + Number(end - offset), 0);
    if (records > mostRead) {
      found.push(warning("letters", of, `it has ${records} records: too many to be looked at here`, see));
      continue;
    }
    const index = new LetterIndex({});
    for await (const read of recordsIn(session, clients, ask, ranges))
      for (const record of read) index.add(readDeadLetter(record));
    const waiting = index.letters.filter(({ redrivenMs }) => redrivenMs === undefined);
    if (waiting.length > 0)
      found.push(warning("letters", of, `${counted(waiting.length, "dead letter")} not redriven`, see));
  }
  return orOk(found, ok("letters", "Kafka", "no dead letter waits"));
}

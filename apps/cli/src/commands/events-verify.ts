import { type DependencyGraph, type PublisherVerdict, verifyPublisher } from "@freshet/dependency-graph";
import type { Command } from "commander";
import { parseSamples, readInput } from "../events-input.ts";
import { namedGraph } from "../manifests.ts";
import { counted } from "../problem.ts";
import {
  jsonOption,
  type JsonOption,
  manifestsOption,
  type ManifestsOption,
  type Report,
  type Session,
} from "../session.ts";

/** `freshet events verify`: a publisher's contract test, in its own CI. */
export function addEventsVerify(events: Command, session: Session): void {
  const command = session.command(
    events,
    "verify",
    "Whether a publisher's sample events have what every view needs; for its own CI, without any server",
    [
      ["events verify docs/examples/events.ndjson", "one event a line, in the order in which they are sent"],
      ["events verify samples.json --manifests contracts", "an array; exit code 1 when one does not conform"],
      ["events verify - --json < docs/examples/profile-changed.json", "from standard input, for machines"],
    ],
  );
  command
    .argument("<file>", "a change event, an array of them, or one a line; - is standard input")
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async (file: string) => {
      const { json, manifests } = command.opts<JsonOption & ManifestsOption>();
      const graph = await namedGraph(session.io.environment, manifests);
      const samples = parseSamples(await readInput(file, session.io), file);
      session.report(verifyReport(verifyPublisher(samples, graph), graph), json);
    });
}

function verifyReport(verdict: PublisherVerdict, graph: DependencyGraph): Report {
  const { ok, samples, notSampled } = verdict;
  return {
    data: verdict,
    problem: !ok,
    print(out) {
      for (const { index, type, subject, violations } of samples)
        for (const { code, says } of violations)
          out.line(
            { text: `event ${index}`, style: "bold" },
            ` ${type ?? "undecodable"} ${subject ?? ""}: `,
            { text: code, style: "red" },
            `: ${says}`,
          );
      for (const { type, changes } of notSampled)
        out.line(
          { text: "not sampled ", style: "yellow" },
          `${type} ${changes.join(", ")}: add one, its values are verified too`,
        );
      const wrong = samples.filter(({ violations }) => violations.length > 0).length;
      out.line(
        `${counted(samples.length, "event")}, ${wrong} of them do not conform; ${counted(graph.views.length, "view")} asked.`,
      );
    },
  };
}

import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { Command } from "commander";
import { addDoctor } from "./commands/doctor.ts";
import { addDltList } from "./commands/dlt-list.ts";
import { addDltRedrive } from "./commands/dlt-redrive.ts";
import { addDltShow } from "./commands/dlt-show.ts";
import { addEventsCheck } from "./commands/events-check.ts";
import { addEventsTail } from "./commands/events-tail.ts";
import { addEventsVerify } from "./commands/events-verify.ts";
import { addExplain } from "./commands/explain.ts";
import { addFlush } from "./commands/flush.ts";
import { addGraph } from "./commands/graph.ts";
import { addLag } from "./commands/lag.ts";
import { addManifestsAsyncapi } from "./commands/manifests-asyncapi.ts";
import { addManifestsCheck } from "./commands/manifests-check.ts";
import { addManifestsDiff } from "./commands/manifests-diff.ts";
import { addManifestsExport } from "./commands/manifests-export.ts";
import { addPause } from "./commands/pause.ts";
import { addPlan } from "./commands/plan.ts";
import { addRepair } from "./commands/repair.ts";
import { addReplay } from "./commands/replay.ts";
import { addResume } from "./commands/resume.ts";
import { addSettle } from "./commands/settle.ts";
import { addStatus } from "./commands/status.ts";
import { addTopicsEnsure } from "./commands/topics-ensure.ts";
import { Session } from "./session.ts";

const widestHelp = 100;

/** The whole command line: one file per command, named as it is called. */
export function createProgram(session: Session): Command {
  const { stdout } = session.io;
  const program = new Command("freshet")
    .description(
      "Looks at Freshet from outside: what is behind, what an event invalidates, whether manifests are right.",
    )
    .version(version(), "-v, --version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        stdout.write(text);
      },
      // Errors are told in one place, which knows whether a machine listens; help for want of a command is no error.
      writeErr: (text) => {
        if (!text.startsWith("error:")) session.help += text;
      },
      getErrHelpWidth: () => widestHelp,
      getOutHelpWidth: () => Math.min(stdout.columns ?? widestHelp, widestHelp),
      getOutHasColors: () => false,
    })
    .addHelpText(
      "after",
      "\nSettings come from the environment of the apps (KAFKA_BROKERS, …): docs/cli.md." +
        "\nExit codes: 0 as it should be, 1 a problem was found, 2 asked wrongly or not reached.",
    );
  addLag(program, session);
  addStatus(program, session);
  addExplain(program, session);
  addDoctor(program, session, version());
  addTopicsEnsure(group(program, "topics", "The topics of change events"), session);
  const dlt = group(program, "dlt", "Dead letters: events that could not be processed");
  addDltList(dlt, session);
  addDltShow(dlt, session);
  addDltRedrive(dlt, session);
  addReplay(program, session);
  addRepair(program, session);
  addPause(program, session);
  addResume(program, session);
  addFlush(program, session);
  addSettle(program, session);
  const events = group(program, "events", "The change events in Kafka, and samples of them");
  addEventsTail(events, session);
  addEventsCheck(events, session);
  addEventsVerify(events, session);
  addPlan(program, session);
  addGraph(program, session);
  const manifests = group(program, "manifests", "The manifests: what is published, what is cached");
  addManifestsCheck(manifests, session);
  addManifestsDiff(manifests, session);
  addManifestsExport(manifests, session);
  addManifestsAsyncapi(manifests, session);
  return program;
}

/** Every command that does something, as the words that call it; documents are written from this. */
export function commandPaths(): string[][] {
  const silent = { write: () => undefined };
  const signal = new AbortController().signal;
  const io = { stdin: Readable.from([]), stdout: silent, stderr: silent, environment: {}, signal };
  const leaves = ({ commands }: Command, path: string[]): string[][] =>
    commands.length === 0
      ? [path]
      : commands.flatMap((command) => leaves(command, [...path, command.name()]));
  return leaves(createProgram(new Session(io)), []);
}

function group(program: Command, name: string, summary: string): Command {
  return program.command(name).description(summary);
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "";
}

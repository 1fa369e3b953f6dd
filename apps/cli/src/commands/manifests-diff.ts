import { type DependencyGraph, diff, type Difference } from "@freshet/dependency-graph";
import type { Command } from "commander";
import { loadGraph } from "../manifests.ts";
import { counted } from "../problem.ts";
import { rolloutOrder } from "../rollout.ts";
import { jsonOption, type JsonOption, type Report, type Session } from "../session.ts";
import type { Style, Terminal } from "../terminal.ts";

/** `freshet manifests diff`: what changes, what is dangerous about it, and in which order to roll it out. */
export function addManifestsDiff(manifests: Command, session: Session): void {
  const command = session.command(
    manifests,
    "diff",
    "What changes from one folder of manifests to another, its hazards, and the order of the rollout",
    [
      ["manifests diff old new", "exit code 1 when a change has a hazard"],
      ["manifests diff old new --json", "for a CI"],
    ],
  );
  command
    .argument("<old>", "folder that is in use")
    .argument("<new>", "folder that is to take its place")
    .addOption(jsonOption())
    .action(async (before: string, after: string) => {
      const [earlier, later] = await Promise.all([loadGraph(before), loadGraph(after)]);
      session.report(diffReport(earlier, later), command.opts<JsonOption>().json);
    });
}

function diffReport(before: DependencyGraph, after: DependencyGraph): Report {
  const differences = diff(before, after);
  const rollout = rolloutOrder(differences, before, after);
  const hazards = differences.filter(({ hazard }) => hazard !== undefined);
  return {
    data: { differences: differences.map(toData), rollout },
    problem: hazards.length > 0,
    print: (out) => {
      if (differences.length === 0) out.line("nothing changes");
      for (const difference of differences) printDifference(out, difference);
      if (rollout.length > 0) out.line("rollout, each step everywhere before the next:");
      for (const [index, { step, of }] of rollout.entries())
        out.line(`  ${index + 1}. ${step}${of.length === 0 ? "" : `: ${of.join(", ")}`}`);
      if (hazards.length > 0) out.line({ text: counted(hazards.length, "hazard"), style: "red" });
    },
  };
}

/** undefined has no place in JSON: what is not there is null. */
function toData({ what, name, property, before, after, hazard }: Difference) {
  return {
    what,
    name,
    property: property ?? null,
    before: before ?? null,
    after: after ?? null,
    hazard: hazard ?? null,
  };
}

function printDifference(out: Terminal, { what, name, property, before, after, hazard }: Difference): void {
  const [sign, style]: [string, Style] =
    before === undefined ? ["+", "green"] : after === undefined ? ["-", "red"] : ["~", "yellow"];
  const change =
    property === undefined
      ? ""
      : before === undefined
        ? `: ${property}: ${after ?? ""}`
        : after === undefined
          ? `: ${property}: ${before}`
          : `: ${property}: ${before} → ${after}`;
  out.line({ text: sign, style }, ` ${what} ${name}${change}`);
  if (hazard !== undefined) out.line("    ", { text: `hazard: ${hazard}`, style: "red" });
}

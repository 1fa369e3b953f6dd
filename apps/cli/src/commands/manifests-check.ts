import { ManifestError, type ManifestProblem } from "@freshet/contracts";
import type { DependencyGraph } from "@freshet/dependency-graph";
import type { Command } from "commander";
import { manifestsFolder } from "../config.ts";
import { loadGraph } from "../manifests.ts";
import { counted } from "../problem.ts";
import { jsonOption, type JsonOption, type Report, type Session } from "../session.ts";

/** `freshet manifests check`: whether an invalidator would take this folder. */
export function addManifestsCheck(manifests: Command, session: Session): void {
  const command = session.command(
    manifests,
    "check",
    "Whether a folder of manifests would be taken; else what is wrong, by file and path, and how to mend it",
    [
      ["manifests check", "the folder of MANIFESTS_DIR, or deploy/manifests"],
      ["manifests check deploy/manifests --json", "for a CI; exit code 1 when something is wrong"],
    ],
  );
  command
    .argument("[dir]", "folder of the manifests and pools.yaml")
    .addOption(jsonOption())
    .action(async (dir: string | undefined) => {
      const { folder } = manifestsFolder(session.io.environment, dir);
      session.report(await check(folder), command.opts<JsonOption>().json);
    });
}

async function check(folder: string): Promise<Report> {
  try {
    return wellFormed(folder, await loadGraph(folder));
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return refused(folder, error.problems);
  }
}

function wellFormed(folder: string, { events, views, pools }: DependencyGraph): Report {
  const counts = { events: events.length, views: views.length, pools: pools.length };
  return {
    data: { folder, ok: true, ...counts, problems: [] },
    problem: false,
    print: (out) => {
      const parts = [
        counted(counts.events, "event"),
        counted(counts.views, "view"),
        counted(counts.pools, "pool"),
      ];
      out.line({ text: "ok", style: "green" }, ` ${folder}: ${parts.join(", ")}`);
    },
  };
}

function refused(folder: string, problems: readonly ManifestProblem[]): Report {
  return {
    data: { folder, ok: false, problems },
    problem: true,
    print: (out) => {
      for (const { file, path, problem, mend } of problems) {
        out.line({ text: `${file}: ${path}`, style: "bold" });
        out.line("  ", { text: problem, style: "red" });
        out.line(`  ${mend}`);
      }
      out.line(`${counted(problems.length, "problem")}: an invalidator refuses the whole set.`);
    },
  };
}

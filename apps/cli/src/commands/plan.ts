import { FreshetError } from "@freshet/contracts";
import type { DependencyGraph } from "@freshet/dependency-graph";
import type { Command } from "commander";
import { parseEvents, readInput } from "../events-input.ts";
import { namedGraph } from "../manifests.ts";
import { planReport } from "../plan-report.ts";
import {
  jsonOption,
  type JsonOption,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";

interface PlanOptions extends JsonOption, ManifestsOption {
  readonly pool?: string;
}

/** `freshet plan`: what an event would do; it asks nothing but the manifests. */
export function addPlan(program: Command, session: Session): void {
  const command = session.command(
    program,
    "plan",
    "Which keys of which pools an event invalidates, and why; without any server",
    [
      ["plan docs/examples/profile-changed.json", "keys, pools, actions and the way through the graph"],
      ["plan docs/examples/events.ndjson --pool teams", "several events, one a line; one pool"],
      ["plan - --json < docs/examples/profile-changed.json", "from standard input, for machines"],
    ],
  );
  command
    .argument("<file>", "a change event, an array of them, or one a line; - is standard input")
    .option("--pool <name>", "this pool only")
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async (file: string) => {
      const { json, manifests, pool } = command.opts<PlanOptions>();
      const graph = await namedGraph(session.io.environment, manifests);
      const events = parseEvents(await readInput(file, session.io), file);
      session.report(planReport(graph, events, poolsOf(graph, pool)), json);
    });
}

/**
 * The pool that was asked for, or all of them.
 * @throws FreshetError POOL_UNKNOWN
 */
export function poolsOf(graph: DependencyGraph, asked: string | undefined): readonly string[] {
  if (asked === undefined) return graph.pools;
  if (graph.pools.includes(asked)) return [asked];
  const there = graph.pools.join(", ") || "none";
  throw new FreshetError("POOL_UNKNOWN", `there is no pool ${asked}; there are ${there}`);
}

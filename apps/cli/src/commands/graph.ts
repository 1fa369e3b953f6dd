import { FreshetError } from "@freshet/contracts";
import { toMermaid, toText } from "@freshet/dependency-graph";
import { type Command, Option } from "commander";
import { graphData } from "../graph-data.ts";
import { namedGraph } from "../manifests.ts";
import { narrow } from "../narrow.ts";
import {
  jsonOption,
  type JsonOption,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";
import { poolsOf } from "./plan.ts";

interface GraphOptions extends JsonOption, ManifestsOption {
  readonly mermaid?: boolean;
  readonly event?: string;
  readonly pool?: string;
}

/** `freshet graph`: what depends on what, from the manifests alone. */
export function addGraph(program: Command, session: Session): void {
  const command = session.command(
    program,
    "graph",
    "Which views depend on which events; without any server",
    [
      ["graph", "pool by pool, as text"],
      ["graph --mermaid", "a flowchart, for a document"],
      ["graph --event ProfileChanged --pool teams", "what one event reaches in one pool"],
    ],
  );
  command
    .option("--event <type>", "views that depend on this event only")
    .option("--pool <name>", "this pool only, with what its derived views are built on")
    .addOption(new Option("--mermaid", "a Mermaid flowchart").conflicts("json"))
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async () => {
      const { json, mermaid, event, pool, manifests } = command.opts<GraphOptions>();
      const whole = await namedGraph(session.io.environment, manifests);
      const types = whole.events.map(({ type }) => type);
      if (event !== undefined && !types.includes(event))
        throw new FreshetError(
          "CLI_USAGE",
          `no manifest publishes ${event}; there are ${types.join(", ") || "none"}`,
        );
      const graph = narrow(whole, { event, pools: poolsOf(whole, pool) });
      session.report(
        {
          data: graphData(graph),
          problem: false,
          print: (out) => {
            out.text(mermaid === true ? toMermaid(graph) : toText(graph));
          },
        },
        json,
      );
    });
}

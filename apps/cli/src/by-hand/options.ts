import { type Command, Option } from "commander";
import { namedManifests } from "../manifests.ts";
import {
  count,
  jsonOption,
  type JsonOption,
  manifestsOption,
  type ManifestsOption,
  type Session,
} from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { Deleter, type ViewCount } from "./deleter.ts";

/** Options of the commands that delete by hand. */
export interface ByHandOptions extends JsonOption, ManifestsOption {
  readonly pool?: string;
  readonly rate: number;
  readonly dryRun?: boolean;
}

export function byHandOptions(command: Command): Command {
  return command
    .option("--pool <name>", "this pool only")
    .addOption(
      new Option(
        "--rate <keys>",
        "at most so many keys a second in each pool; its maxDeletesPerSecond is kept too",
      )
        .argParser(count)
        .default(10_000),
    )
    .option("--dry-run", "delete nothing: say how much it would be")
    .addOption(manifestsOption())
    .addOption(jsonOption());
}

/** Runs `work` with a deleter for the pools of the manifests. */
export async function withDeleter<Result>(
  session: Session,
  options: ByHandOptions,
  work: (deleter: Deleter) => Promise<Result>,
): Promise<Result> {
  const { environment, signal } = session.io;
  const { graph, pools } = await namedManifests(environment, options.manifests);
  const deleter = new Deleter({
    graph,
    pools,
    environment,
    pool: options.pool,
    keysPerSecond: options.rate,
    dryRun: options.dryRun === true,
    signal,
  });
  try {
    return await work(deleter);
  } finally {
    deleter.close();
  }
}

export function printCounts(out: Terminal, counts: readonly ViewCount[]): void {
  if (counts.length === 0) return;
  out.table(
    [{ title: "POOL" }, { title: "VIEW" }, { title: "KEYS", align: "right" }],
    counts.map(({ pool, view, keys }) => [pool, view, String(keys)]),
  );
}

import { setTimeout as delay } from "node:timers/promises";
import { FreshetError } from "@freshet/contracts";
import { LagHistory } from "@freshet/kafka";
import type { Command } from "commander";
import { kafkaAccess } from "../config.ts";
import { failureOf } from "../failure.ts";
import { withKafka } from "../kafka.ts";
import { lagReport } from "../lag-report.ts";
import { graphIfThere } from "../manifests.ts";
import { readPools } from "../pool-facts.ts";
import {
  jsonOption,
  type JsonOption,
  kafkaOptions,
  type KafkaOptions,
  manifestsOption,
  type ManifestsOption,
  positive,
  type Report,
  type Session,
} from "../session.ts";

interface LagOptions extends JsonOption, KafkaOptions, ManifestsOption {
  readonly deployment?: string;
  readonly pool?: string;
  readonly maxSeconds?: number;
  readonly watch?: boolean;
  readonly interval: number;
}

/** `freshet lag`: asks the broker alone, so it is true when every invalidator is stalled or dead. */
export function addLag(program: Command, session: Session): void {
  const command = session.command(program, "lag", "How far each pool is behind, as the broker sees it", [
    ["lag", "every pool, partition by partition"],
    [
      "lag --pool profiles --watch",
      "one pool, again every 2 seconds until Ctrl-C; verdicts from the tenth on",
    ],
    ["lag --max-seconds 30 --json", "for a check: exit code 1 when a pool is further behind"],
  ]);
  kafkaOptions(command)
    .option("--deployment <name>", "whose groups: freshet.<name>.<pool> (default: DEPLOYMENT, or local)")
    .option("--pool <name>", "this pool only")
    .option("--max-seconds <n>", "a pool that is further behind is a problem", positive)
    .option("--watch", "show it again and again, until Ctrl-C")
    .option("--interval <seconds>", "how long --watch waits in between", positive, 2)
    .addOption(manifestsOption())
    .addOption(jsonOption())
    .action(async () => {
      const options = command.opts<LagOptions>();
      const ask = await question(session, options);
      if (options.watch !== true) session.report(await ask(), options.json);
      else await watch(session, options, ask);
    });
}

/** Reads settings and manifests once; what it answers asks the broker each time. */
async function question(session: Session, options: LagOptions): Promise<() => Promise<Report>> {
  const { environment } = session.io;
  const access = kafkaAccess(environment, options);
  const graph = await graphIfThere(environment, options.manifests);
  const declared = new Map((graph?.pools ?? []).map((name) => [name, graph?.pool(name).topics ?? []]));
  const history = new LagHistory();
  return async () =>
    lagReport(
      await withKafka(access, options.timeout * 1_000, (clients, ask) =>
        readPools(clients, ask, access, declared, options, history),
      ),
      {
        deployment: access.deployment,
        brokers: access.options.brokers.join(","),
        nowMs: Date.now(),
        maxSeconds: options.maxSeconds,
      },
    );
}

/** Until Ctrl-C. A broker that is away is told and asked again: that is when somebody watches. */
async function watch(session: Session, options: LagOptions, ask: () => Promise<Report>): Promise<void> {
  const { io, out } = session;
  while (!io.signal.aborted) {
    try {
      const { data, print } = await ask();
      if (options.json === true) session.jsonLine(data);
      else {
        out.clear();
        out.line({ text: new Date().toISOString(), style: "dim" });
        print(out);
      }
    } catch (error) {
      if (!(error instanceof FreshetError) || error.code !== "KAFKA_UNREACHABLE") throw error;
      session.failed(failureOf(error), options.json);
    }
    await delay(options.interval * 1_000, undefined, { signal: io.signal }).catch(() => undefined);
  }
}

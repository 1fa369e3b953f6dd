import type { Command } from "commander";
import { z } from "zod";
import { adminOptions, type AdminOptions, askAdmin, done } from "../admin.ts";
import type { Session } from "../session.ts";
import { parseTime } from "../tail-start.ts";

const settled = z.looseObject({ pool: z.string(), settledBefore: z.string() });

/** `freshet settle`: ends the alarm of what an operator has made up for. */
export function addSettle(program: Command, session: Session): void {
  const command = session.command(
    program,
    "settle",
    "Say that a pool's gaps and missed deletions are made up for: its nodes were flushed, or repaired",
    [
      ["settle --pool profiles", "everything until now; only after it was made up for"],
      ["settle --pool profiles --before 10m", "what was missed until ten minutes ago, when the flush began"],
    ],
  );
  adminOptions(command)
    .option(
      "--before <time>",
      "when the flush or repair began: an age (10m) or a time (default: now)",
      (text) => parseTime(text, Date.now()),
    )
    .action(async () => {
      const options = command.opts<AdminOptions & { readonly before?: Date }>();
      const before = (options.before ?? new Date()).toISOString();
      const data = await askAdmin(session, options, "settle", settled, { before });
      const sentence = `pool ${data.pool}: what was missed before ${data.settledBefore} is settled on every replica`;
      session.report(done(data, sentence), options.json);
    });
}

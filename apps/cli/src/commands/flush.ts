import type { Command } from "commander";
import { z } from "zod";
import { adminOptions, type AdminOptions, askAdmin, done } from "../admin.ts";
import type { Session } from "../session.ts";

const flushed = z.looseObject({ pool: z.string(), flushed: z.array(z.string()) });

/** `freshet flush`: what a gap or missed deletions left behind is gone, and so is everything else. */
export function addFlush(program: Command, session: Session): void {
  const command = session.command(
    program,
    "flush",
    "Flush the nodes of a dedicated pool, one after the other, and settle what they had missed",
    [["flush --pool profiles", "2 s apart, so that the primary refills one node's keys at a time"]],
  );
  adminOptions(command, 120).action(async () => {
    const options = command.opts<AdminOptions>();
    const data = await askAdmin(session, options, "flush", flushed);
    session.report(done(data, `pool ${data.pool}: flushed ${data.flushed.join(", ")}`), options.json);
  });
}

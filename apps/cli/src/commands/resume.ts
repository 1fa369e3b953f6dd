import type { Command } from "commander";
import { z } from "zod";
import { adminOptions, type AdminOptions, askAdmin, done } from "../admin.ts";
import { seconds } from "../problem.ts";
import type { Session } from "../session.ts";

const resumed = z.looseObject({ pool: z.string(), pausedSeconds: z.number() });

/** `freshet resume`: every replica goes on where it stopped. */
export function addResume(program: Command, session: Session): void {
  const command = session.command(
    program,
    "resume",
    "Invalidate a paused pool again, from where it stopped",
    [["resume --pool profiles", "what waited is deleted first: `freshet lag --pool profiles --watch`"]],
  );
  adminOptions(command).action(async () => {
    const options = command.opts<AdminOptions>();
    const data = await askAdmin(session, options, "resume", resumed);
    const { pool, pausedSeconds } = data;
    const sentence =
      pausedSeconds === 0
        ? `pool ${pool} was not paused`
        : `pool ${pool} goes on after a pause of ${seconds(pausedSeconds)}`;
    session.report(done(data, sentence), options.json);
  });
}

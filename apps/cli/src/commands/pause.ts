import type { Command } from "commander";
import { z } from "zod";
import { adminOptions, type AdminOptions, askAdmin, done } from "../admin.ts";
import type { Session } from "../session.ts";

const paused = z.looseObject({ pool: z.string(), since: z.string() });

/** `freshet pause`: no replica deletes in the pool any more. */
export function addPause(program: Command, session: Session): void {
  const command = session.command(
    program,
    "pause",
    "Let no replica invalidate a pool, until it is resumed; its events wait, readers get old values",
    [["pause --pool profiles", "within a second on every replica, also on those that are started later"]],
  );
  adminOptions(command).action(async () => {
    const options = command.opts<AdminOptions>();
    const data = await askAdmin(session, options, "pause", paused);
    session.report(
      done(data, `pool ${data.pool} is paused since ${data.since}: freshet resume --pool ${data.pool}`),
      options.json,
    );
  });
}

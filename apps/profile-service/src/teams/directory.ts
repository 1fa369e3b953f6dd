import { z } from "zod";
import { profile, teamId } from "../profiles/profile.ts";

/**
 * The most members that a directory names. It bounds what one miss loads and one value holds: memcached's items end
 * at 1 MB.
 */
export const maxMembers = 500;

/** A team's directory as the API answers it and the cache holds it. */
export const teamDirectory = z
  .object({
    teamId,
    // Nothing that the view's fields do not name: a change of it would not invalidate the directory.
    members: z
      .array(profile.pick({ id: true, displayName: true, avatarUrl: true }).meta({ id: "TeamMember" }))
      .describe(`By display name, then id, in code point order; the first ${maxMembers}`),
    isComplete: z.boolean().describe(`false: the team has more than ${maxMembers} members`),
  })
  .meta({ id: "TeamDirectory" });
export type TeamDirectory = z.infer<typeof teamDirectory>;

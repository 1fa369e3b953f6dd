// What profile-service publishes, as far as this service builds on it. The invalidator compiles the manifests of all
// services together: a name that does not exist there is refused.
import { defineChangeEvent, defineView, on } from "@freshet/contracts";
import { z } from "zod";

export const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
  routing: z.object({ handle: z.string(), teamIds: z.array(z.string()) }),
});

const member = z.object({ id: z.string(), displayName: z.string(), avatarUrl: z.string().nullable() });
export const directory = z.object({ teamId: z.string(), members: z.array(member), isComplete: z.boolean() });

export const teamDirectory = defineView({
  name: "team_directory",
  key: "team_directory:{teamId}",
  pool: "teams",
  value: directory,
  dependsOn: [
    on(ProfileChanged, { teamId: "teamIds[]" }, { fields: ["displayName", "avatarUrl", "teamIds"] }),
  ],
});

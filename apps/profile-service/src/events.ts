import { defineChangeEvent } from "@freshet/contracts";
import { z } from "zod";

/** Published after each commit that changes a profile. Routing values: only what other keys are built from. */
export const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["handle", "displayName", "avatarUrl", "bio", "teamIds"],
  routing: z.object({ handle: z.string(), teamIds: z.array(z.string()) }),
});

import { defineChangeEvent, defineManifest, defineView, on } from "@freshet/contracts";
import { z } from "zod";
import { directory, teamDirectory } from "./profile-contract.ts";

export const TeamChanged = defineChangeEvent({
  type: "TeamChanged",
  entity: "team",
  topic: "teams.events.v1",
  fields: ["name"],
  routing: z.object({}),
});

export const page = z.object({
  teamId: z.string(),
  version: z.int().describe("Of the team's own row"),
  name: z.string(),
  members: directory.shape.members,
});
export type TeamPage = z.infer<typeof page>;

/** A team with its members: gone when the team changes, and when the directory that it is built from does. */
export const teamPage = defineView({
  name: "team_page",
  key: "team_page:{teamId}",
  pool: "teams",
  value: page,
  derivedFrom: [teamDirectory],
  dependsOn: [on(TeamChanged, { teamId: "subject" })],
});

/** manifest.yaml is written from it. */
export const manifest = defineManifest({
  service: "team-service",
  publishes: [TeamChanged],
  views: [teamPage],
});

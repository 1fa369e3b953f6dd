import { defineManifest, defineView, on } from "@freshet/contracts";
import { ProfileChanged } from "./events.ts";
import { profile } from "./profiles/profile.ts";
import { teamDirectory as directory } from "./teams/directory.ts";

/** A profile by its id: what readers ask for most, hence renewed by the bus instead of deleted. */
export const userProfile = defineView({
  name: "user_profile",
  key: "user_profile:{profileId}",
  pool: "profiles",
  value: profile,
  dependsOn: [on(ProfileChanged, { profileId: "subject" })],
  onChange: { refresh: "/internal/views/user_profile" },
});

/** A profile by its handle: a change of the handle invalidates the old and the new one. */
export const userProfileByHandle = defineView({
  name: "user_profile_by_handle",
  key: "user_profile_by_handle:{handle}",
  pool: "profiles",
  value: profile,
  dependsOn: [on(ProfileChanged, { handle: "handle" })],
});

/** The members of a team: built from many profiles, in a pool of its own. */
export const teamDirectory = defineView({
  name: "team_directory",
  key: "team_directory:{teamId}",
  pool: "teams",
  value: directory,
  dependsOn: [
    on(ProfileChanged, { teamId: "teamIds[]" }, { fields: ["displayName", "avatarUrl", "teamIds"] }),
  ],
});

/** What the invalidator loads; deploy/manifests/profile-service.yaml is written from it. */
export const manifest = defineManifest({
  service: "profile-service",
  publishes: [ProfileChanged],
  views: [userProfile, userProfileByHandle, teamDirectory],
});

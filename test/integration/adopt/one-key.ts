// docs/adopt.md is about this file: one key through Freshet, beside whatever else a service caches.
import { ReadThroughCache, versioned } from "@freshet/cache";
import { defineChangeEvent, defineManifest, defineView, on } from "@freshet/contracts";
import { z } from "zod";

// What changes.
const ProfileChanged = defineChangeEvent({
  type: "ProfileChanged",
  entity: "profile",
  topic: "profile.events.v1",
  fields: ["displayName"],
  routing: z.object({}),
});

// What is cached, and what it is built from.
const profileCard = defineView({
  name: "profile_card",
  key: "profile_card:{profileId}",
  pool: "main",
  value: z.object({ id: z.string(), displayName: z.string() }),
  dependsOn: [on(ProfileChanged, { profileId: "subject" })],
});

export interface ProfileRow {
  readonly id: string;
  readonly version: number;
  readonly displayName: string;
}

/** `nodes`: the memcached that you have, `host:port,…`. `find` reads your primary database. */
export function profileCards(nodes: string, find: (id: string) => Promise<ProfileRow | undefined>) {
  const cache = new ReadThroughCache({ pools: { main: { nodes } } });
  return {
    get: (profileId: string) =>
      cache.get(profileCard, { profileId }, async () => versioned(await find(profileId))),
    changed: (profileId: string) => cache.invalidate(profileCard, { profileId }),
    close: () => {
      cache.close();
    },
  };
}

// What the invalidator loads, once other services are to hear of changes, or a killed writer must not matter.
export const manifest = defineManifest({
  service: "profile-cards",
  publishes: [ProfileChanged],
  views: [profileCard],
});
